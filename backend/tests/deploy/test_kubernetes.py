"""The Kubernetes manifests follow the schemas of Kubernetes, and production accepts
their settings.

No cluster runs here, so the manifests are not applied.
"""

import re

import kubernetes_validate  # type: ignore[import-untyped] # has no types
import pytest
import yaml  # type: ignore[import-untyped] # has no stubs in this environment

from app.core.config import BACKEND
from app.server.supervisor import SHUTDOWN_SECONDS
from tests.core.safe_settings import SAFE

pytestmark = pytest.mark.only("sqlite")
FOLDER = BACKEND / "deploy" / "kubernetes"
OLDEST = "1.30"  # the first version that knows `sleep` in `preStop`
NEWEST = ".".join(kubernetes_validate.latest_version().split(".")[:2])


def objects(name="*"):
    """Return the objects of a file, or of all files."""
    return [
        one
        for file in sorted(FOLDER.glob(f"{name}.yml"))
        for one in yaml.safe_load_all(file.read_text("utf-8"))
    ]


def pods():
    """Return the specifications of all pods, by the name of the object that runs the
    pod.
    """
    return {
        one["metadata"]["name"]: one["spec"]["template"]["spec"]
        for one in objects()
        if "template" in one.get("spec", {})
    }


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_kubernetes_knows_every_field(version):
    found = objects()
    assert len(found) == 9
    for one in found:
        assert kubernetes_validate.validate(one, version, strict=True) == version


def test_production_accepts_the_settings(environment):
    (public,) = [one["data"] for one in objects("settings") if one["kind"] == "ConfigMap"]
    comment = (FOLDER / "settings.yml").read_text("utf-8").partition("apiVersion")[0]
    secret = re.findall(r"\b[A-Z]+_[A-Z_]+\b", comment.partition("secrets.env has")[2])
    values = SAFE | {
        "REDIS_URL": "rediss://redis.internal/0",
        "SMTP_USERNAME": "liftoff",
        "SMTP_PASSWORD": "Vx9-correct-horse",
    }
    assert not {*public} & {*secret}
    settings = environment(**public, **{name: values[name] for name in secret})
    assert settings.is_production
    assert {*SAFE} <= {*public, *secret}


@pytest.mark.parametrize("name", pods())
def test_a_pod_has_no_more_rights_than_it_needs(name):
    pod = pods()[name]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 10001  # as in the Dockerfile
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["limits"]["memory"]


def test_a_pod_gets_the_time_that_its_server_needs():
    pod = pods()["liftoff-web"]
    pause = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] >= pause + SHUTDOWN_SECONDS + 5


def test_all_pods_run_one_image():
    images = {container["image"] for pod in pods().values() for container in pod["containers"]}
    assert len(images) == 1

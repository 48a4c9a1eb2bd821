"""Every action and image that is downloaded has a fixed version.

Actions are pinned by commit, and images by an exact version.
"""

import json
import re

import pytest

from app.core.config import BACKEND, ROOT

pytestmark = pytest.mark.only("sqlite")
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTION = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
# PostgreSQL numbers its releases with two parts. Every other image here has three.
IMAGE = re.compile(
    r"(postgres:\d+\.\d+|(?!postgres:)[\w./-]+:\d+\.\d+\.\d+)(-[a-z0-9.]+)*(@sha256:[0-9a-f]{64})?"
)
OURS = {"liftoff-backend", "liftoff-simulator"}  # this project builds these images
STAGES = {"base"}


def test_actions_are_pinned_to_the_commit_of_their_tag():
    used = [
        line for file in WORKFLOWS for line in re.findall(r"uses: (.+)", file.read_text("utf-8"))
    ]
    assert used
    assert [line for line in used if not ACTION.fullmatch(line)] == []


def test_images_are_pinned_to_an_exact_version():
    files = [*WORKFLOWS, ROOT / "docker-compose.yml"]
    images = [
        name
        for file in files
        for name in re.findall(r"^ *image: (\S+)", file.read_text("utf-8"), re.MULTILINE)
    ]
    images += re.findall(
        r"^FROM (\S+)", (ROOT / "backend" / "Dockerfile").read_text("utf-8"), re.MULTILINE
    )
    foreign = set(images) - OURS - STAGES
    assert len(foreign) >= 4
    assert [name for name in foreign if not IMAGE.fullmatch(name)] == []


def test_renovate_moves_them_and_pins_their_digests():
    told = json.loads((ROOT / ".github" / "renovate.json").read_text("utf-8"))
    assert {"docker:pinDigests", "helpers:pinGitHubActionDigestsToSemver"} <= set(told["extends"])
    assert set(told["enabledManagers"]) == {"dockerfile", "docker-compose", "github-actions"}


@pytest.mark.parametrize("name", ["requirements.in", "requirements-dev.in"])
def test_no_package_is_asked_for_twice(name):
    asked = [
        re.split(r"[\[>=<~! ]", line)[0].lower()
        for line in (BACKEND / name).read_text().splitlines()
    ]
    packages = [line for line in asked if line and not line.startswith(("#", "-"))]
    assert packages
    assert sorted(packages) == sorted(set(packages))

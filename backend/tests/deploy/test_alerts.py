"""Each alert has an entry in the runbook. The alert rules and the dashboard use only
metrics that exist.
"""

import json
import re
import subprocess

import pytest
import yaml  # type: ignore[import-untyped] # has no stubs in this environment
from prometheus_client.parser import text_string_to_metric_families

from app.core.config import BACKEND, ROOT
from tests.support.services import program

RULES = BACKEND / "deploy" / "alerts.yml"
DASHBOARD = BACKEND / "deploy" / "dashboard.json"
RUNBOOK = BACKEND / "docs" / "runbook.md"
METRIC = re.compile(r"\b(?:liftoff|http)_[a-z_]+\b")
# The suffixes that Prometheus adds to the name of a metric family, by the family's
# type.
SUFFIXES = {"histogram": ("_bucket", "_count", "_sum"), "counter": ("_total",), "gauge": ("",)}
PARTS = ("- **Symptom:** ", "- **Look at:** ", "- **Run:** ")

pytestmark = pytest.mark.only("sqlite")


@pytest.fixture(scope="module")
def rules():
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    return group["rules"]


@pytest.fixture
def names(client, committed):
    """Return the names of all series that this application can have."""
    families = list(text_string_to_metric_families(client.get("/metrics").text))
    assert families
    return {
        f"{family.name}{suffix}"
        for family in families
        for suffix in SUFFIXES.get(family.type, ("",))
    }


def entries():
    """Return the entries of the runbook, by the name of their alert."""
    return {part.partition("\n")[0]: part for part in RUNBOOK.read_text().split("\n## ")[1:]}


def test_each_alert_has_an_entry_and_each_entry_an_alert(rules):
    assert [rule["alert"] for rule in rules] == list(entries())
    for rule in rules:
        anchor = f"backend/docs/runbook.md#{rule['alert'].lower()}"
        assert rule["annotations"]["runbook"] == anchor
        assert rule["labels"]["severity"] in ("page", "ticket")


@pytest.mark.parametrize("name", entries())
def test_an_entry_says_what_to_look_at_and_to_run(name):
    entry = entries()[name]
    assert [part for part in PARTS if part not in entry] == []
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"`make ([a-z-]+)", entry)) <= set(targets)


def test_every_metric_of_a_rule_exists(rules, names):
    for rule in rules:
        used = set(METRIC.findall(rule["expr"]))
        assert used <= names, rule["alert"]
        assert used or rule["expr"].startswith("up{")


def test_every_metric_of_a_panel_exists(names):
    panels = json.loads(DASHBOARD.read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels) > 10
    for panel in panels:
        for target in panel["targets"]:
            used = set(METRIC.findall(target["expr"]))
            assert used, panel["title"]
            assert used <= names, panel["title"]


def test_promtool_accepts_the_rules(rules):
    done = subprocess.run(
        [program("promtool"), "check", "rules", RULES], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert f"{len(rules)} rules found" in done.stdout

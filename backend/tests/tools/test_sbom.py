"""Everything that is bundled is listed with its licence, and the bill of materials
names it.
"""

import importlib.util
import json
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from app.core.config import BACKEND
from tools import sbom

pytestmark = pytest.mark.only("sqlite")
SERVED = ("fastapi_offline", "starlette_admin")  # packages whose files the application serves
ENDINGS = {".css", ".gif", ".ico", ".js", ".png", ".svg", ".ttf", ".woff", ".woff2"}
DEMO = BACKEND / "examples" / "web"


def site_packages(package):
    """Return the folder that contains a package."""
    spec = importlib.util.find_spec(package)
    assert spec, package
    assert spec.origin, package
    return Path(spec.origin).parents[1]


def served():
    """Return the assets of other authors, as paths in their packages."""
    found = {}
    for package in SERVED:
        folder = site_packages(package)
        for path in (folder / package).rglob("*"):
            if path.suffix in ENDINGS:
                found[path.relative_to(folder).as_posix()] = path
    return found


def test_each_asset_is_listed_once():
    rows = [row["files"] for row in sbom.assets() if row["files"]]
    assert rows
    listed = {
        # The star of `fnmatch` also matches a slash, so the depth is compared, too.
        path: [row for row in rows if fnmatch(path, row) and path.count("/") == row.count("/")]
        for path in served()
    }
    assert {path: found for path, found in listed.items() if len(found) != 1} == {}
    assert {row for found in listed.values() for row in found} == {*rows}


def test_the_versions_are_those_in_the_files():
    for row in sbom.assets():
        paths = [path for name, path in served().items() if fnmatch(name, row["files"])]
        if row["version"] and row["files"]:
            texts = [path.read_text("utf-8") for path in paths]
            assert any(row["version"] in text for text in texts), row


def test_the_packages_of_the_demo_are_listed():
    lock = json.loads((DEMO / "package-lock.json").read_text("utf-8"))
    bundled = {
        (name.rpartition("node_modules/")[2], one["version"], one["license"])
        for name, one in lock["packages"].items()
        if name and not one.get("dev")
    }
    rows = sbom.assets()
    assert bundled == {
        (row["name"], row["version"], row["licence"]) for row in rows if not row["files"]
    }


def test_the_bill_of_materials_is_valid_and_complete(tmp_path):
    target = tmp_path / "sbom.json"
    command = [sys.executable, "-m", "tools.sbom", "--to", str(target)]
    subprocess.run(command, cwd=BACKEND, check=True, capture_output=True)
    written = target.read_text("utf-8")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(written) is None
    names = {one["name"]: one for one in json.loads(written)["components"]}
    pins = {
        name.lower() for name, _ in sbom.PIN.findall((sbom.ROOT / "requirements.txt").read_text())
    }
    assert pins <= {*names}
    assert {"preact", "jquery", "fontawesome-free", "swagger-ui-dist"} <= {*names}
    assert names["sqlalchemy"]["licenses"]

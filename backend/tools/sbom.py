"""Writes a bill of materials in the format CycloneDX 1.6: `make sbom [to=FILE]`.

The parts are the packages of requirements.txt, and the assets of `docs/licences.md`.
These assets are inside packages and the demo application.
"""

import argparse
import re
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "backend" / "docs" / "licences.md"
PIN = re.compile(r"^([\w.-]+)(?:\[[\w,.-]+\])?==([^\s;]+)", re.MULTILINE)
ROW = re.compile(
    r"^\|(?: `(?P<files>[^`]+)` \|)? (?P<name>[@\w./-]+) \| (?P<version>[\d.]*) ?"
    r"\| (?P<licence>[\w. -]+) \|$",
    re.MULTILINE,
)


def assets() -> list[dict[str, str]]:
    """Return the rows of the tables in `PAGE`, which lists the bundled assets.

    `files` is empty for the packages of the demo.
    """
    rows = [found.groupdict(default="") for found in ROW.finditer(PAGE.read_text("utf-8"))]
    return [row for row in rows if row["name"] != "Part"]


def bill() -> Bom:
    """Return the bill of materials, with each part once."""
    bom = Bom()
    whole = Component(name="liftoff", type=ComponentType.APPLICATION)
    bom.metadata.component = whole
    bom.components.update([*_packages(), *_bundled()])
    bom.register_dependency(whole, bom.components)
    return bom


def _packages() -> Iterator[Component]:
    for name, version in PIN.findall((ROOT / "requirements.txt").read_text("utf-8")):
        yield _component(PackageURL("pypi", name=name.lower(), version=version), _licence_of(name))


def _licence_of(name: str) -> str | None:
    """Return the licence that a package declares, if it is installed here."""
    try:
        declared = metadata.metadata(name)
    except metadata.PackageNotFoundError:  # a package for another system
        return None
    return next(iter(declared.get_all("License-Expression") or ()), None)


def _bundled() -> Iterator[Component]:
    versions = {row["name"]: row["version"] for row in assets() if row["version"]}
    licences: dict[str, str] = {}
    for row in assets():
        licences.setdefault(row["name"], row["licence"])
    for part, licence in licences.items():
        space, _, name = part.rpartition("/")
        address = PackageURL("npm", namespace=space, name=name, version=versions.get(part))
        yield _component(address, licence)


def _component(address: PackageURL, licence: str | None) -> Component:
    return Component(
        name=address.name,
        group=address.namespace,
        version=address.version,
        type=ComponentType.LIBRARY,
        purl=address,
        bom_ref=address.to_string(),
        licenses=[LicenseFactory().make_from_string(licence)] if licence else None,
    )


def main() -> None:
    options = argparse.ArgumentParser(description="Write a bill of materials.")
    options.add_argument("--to", type=Path, default=Path(".data", "sbom.json"))
    target: Path = ROOT / options.parse_args().to
    target.parent.mkdir(parents=True, exist_ok=True)
    bom = bill()
    target.write_text(JsonV1Dot6(bom).output_as_string(indent=2) + "\n", "utf-8")
    sys.stdout.write(f"{target}: {len(bom.components)} parts\n")


if __name__ == "__main__":
    main()

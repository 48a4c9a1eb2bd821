"""Snapshots of the API, one file per feature, written by `make openapi`.

The first tag of an operation names its feature. A feature's file contains the feature's
paths and all components that these paths need. Shared components are in every file that
needs them, so that a feature and its file can be deleted together.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parent
REFERENCE = "#/components/"
PLATFORM = {"health"}  # tags of the platform's own routes

Json = dict[str, Any]


def snapshots(document: Json) -> dict[Path, str]:
    """Return the text that each file should contain."""
    by_feature: dict[str, Json] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            tag = operation["tags"][0]
            feature = "platform" if tag in PLATFORM else tag
            by_feature.setdefault(feature, {}).setdefault(path, {})[method] = operation
    return {
        TESTS / feature / "openapi.json": _text(
            {"paths": paths, "components": _needed(paths, document)}
        )
        for feature, paths in by_feature.items()
    }


def _needed(paths: Json, document: Json) -> Json:
    """Return the components that these paths refer to, directly or indirectly."""
    known: Json = document["components"]
    needed: Json = {}
    waiting = list(_references(paths))
    while waiting:
        kind, name = waiting.pop()
        parts = needed.setdefault(kind, {})
        if name not in parts:
            parts[name] = known[kind][name]
            waiting += _references(parts[name])
    return needed


def _references(part: Any) -> Iterator[tuple[str, str]]:
    """Return the kind and the name of each reference."""
    if isinstance(part, dict):
        if isinstance(reference := part.get("$ref"), str):
            kind, _, name = reference.removeprefix(REFERENCE).partition("/")
            yield kind, name
        for inner in part.values():
            yield from _references(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _references(inner)


def _text(content: Json) -> str:
    return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def stale(wanted: dict[Path, str]) -> list[Path]:
    """Return the snapshots of features that no longer exist."""
    return [file for file in TESTS.glob("*/openapi.json") if file not in wanted]


def main() -> None:
    os.environ.setdefault("ENVIRONMENT", "test")
    os.environ.setdefault("SECRET_KEY", "only to make a document, 9f8e7d6c5b4a")
    from app.main import app  # this import reads the settings

    wanted = snapshots(app.openapi())
    for file in stale(wanted):
        file.unlink()
    for file, text in wanted.items():
        file.write_text(text, "utf-8")


if __name__ == "__main__":
    main()

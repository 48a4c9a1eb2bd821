"""Builds the pages in `docs` as a site with a search: `make docs`.

The site is built without the network, and its pages load nothing from other hosts. A
link to a page or a heading that does not exist ends the build. So does a link to a file
of the repository that does not exist. On the site, such a link is plain text.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from tools.console import Problem, run

BACKEND = Path(__file__).resolve().parents[1]
ROOT = BACKEND.parent
SITE = ROOT / ".data" / "site"
# The order of the pages. A new project has no `upgrading`, `new-projects` and
# `changelog`.
PARTS = {
    "Start": ["index", "tutorial", "glossary"],
    "Develop": ["adding-a-feature", "handbook", "data-patterns", "documents"],
    "Frontends": ["using-the-api", "clients", "routes", "errors"],
    "Billing": ["payments", "payments-offline"],
    "Operate": ["deploying", "operating", "runbook"],
    "Background": ["decisions", "requirements", "promises", "long-checks", "licences"],
    "Versions": ["upgrading", "new-projects", "changelog"],
}
ELSEWHERE = {"decisions": BACKEND / "DECISIONS.md", "changelog": ROOT / "CHANGELOG.md"}
LINK = re.compile(r"\[([^\]]+)\]\(((?:\.\./)+[^)#]*)(#[^)]*)?\)")
CODE = re.compile(r"`(\w+)`")
NAMED = 3  # more routes than these are only counted

Json = dict[str, Any]


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="liftoff-docs-") as folder:
        build(BACKEND / "docs", Path(folder))
        shutil.rmtree(SITE, ignore_errors=True)
        SITE.parent.mkdir(exist_ok=True)
        shutil.copytree(Path(folder) / "site", SITE)
    print(f"{SITE / 'index.html'}")
    return 0


def build(docs: Path, folder: Path) -> None:
    """Build the site in `folder/site`. Raises `Problem` for a broken link."""
    pages = folder / "docs"
    shutil.copytree(docs, pages, ignore=shutil.ignore_patterns("*.txt"))
    for name, file in ELSEWHERE.items():
        if file.exists():
            shutil.copy(file, pages / f"{name}.md")
    for page in pages.rglob("*.md"):
        source = ELSEWHERE.get(page.stem, docs / page.relative_to(pages))
        page.write_text(_without_files(page.read_text("utf-8"), source), "utf-8")
    document = _document()
    (pages / "routes.md").write_text(routes_page(document), "utf-8")
    (pages / "errors.md").write_text(errors_page(document), "utf-8")
    (folder / "zensical.toml").write_text(_settings(pages), "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict", "--clean"],
        cwd=folder,
        env=os.environ | {"NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)
        raise Problem(said.partition("Traceback")[0].strip() or said)


def _without_files(text: str, source: Path) -> str:
    """Replace links to files of the repository by their text."""

    def plain(link: re.Match[str]) -> str:
        target = (source.parent / link[2]).resolve()
        if not target.exists():
            raise Problem(f"{source.name} links to {link[2]}, which does not exist.")
        for name, file in ELSEWHERE.items():
            if target == file:
                return f"[{link[1]}]({name}.md{link[3] or ''})"
        return link[1]

    return LINK.sub(plain, re.sub(r"\]\((?:backend/)?docs/", "](", text))


def _settings(pages: Path) -> str:
    named = [name for part in PARTS.values() for name in part]
    generated = sorted(f"features/{page.stem}" for page in (pages / "features").glob("*.md"))
    unnamed = {page.stem for page in pages.glob("*.md")} - {*named}
    if unnamed:
        raise Problem(f"Name these pages in tools/documentation.py: {', '.join(sorted(unnamed))}.")
    shown = []
    for part, names in (PARTS | {"Features": generated}).items():
        files = [f"{name}.md" for name in names if (pages / f"{name}.md").exists()]
        if files:
            shown.append(f"{{{json.dumps(part)} = {json.dumps(files)}}}")
    return f"""\
[project]
site_name = "Liftoff"
docs_dir = "docs"
site_dir = "site"
use_directory_urls = false
nav = [{", ".join(shown)}]

[project.theme]
font = false
features = ["navigation.sections", "content.code.copy", "search.highlight", "toc.follow"]

[[project.theme.palette]]
media = "(prefers-color-scheme: light)"
scheme = "default"

[[project.theme.palette]]
media = "(prefers-color-scheme: dark)"
scheme = "slate"
"""


def _document() -> Json:
    os.environ.setdefault("ENVIRONMENT", "test")
    os.environ.setdefault("SECRET_KEY", "only to make a document, 9f8e7d6c5b4a")
    from app.core.config import get_settings
    from app.main import create_app  # this import reads the settings

    settings = get_settings().model_copy(update={"api_prefix": ""})
    document: Json = json.loads(json.dumps(create_app(settings).openapi()))
    return document


def _operations(document: Json) -> list[tuple[str, Json]]:
    return [
        (f"{method.upper()} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def _codes(document: Json, operation: Json) -> dict[str, list[str]]:
    """Return the codes of a route's errors, by status."""
    found = {}
    for status, response in operation["responses"].items():
        name = response.get("$ref", "").rpartition("/")[2]
        described = document["components"]["responses"][name] if name else response
        if codes := CODE.findall(described["description"]) if status >= "400" else []:
            found[status] = codes
    return found


def routes_page(document: Json) -> str:
    """Return the page of all routes, by feature, with their errors."""
    by_tag = defaultdict(list)
    for name, operation in _operations(document):
        codes = [f"`{code}`" for each in _codes(document, operation).values() for code in each]
        first = operation["description"].split("\n\n")[0].replace("\n", " ")
        by_tag[operation["tags"][0]].append(f"| `{name}` | {first} | {', '.join(codes)} |")
    parts = [
        f"## {tag}\n\n| Route | What it does | Errors |\n|---|---|---|\n" + "\n".join(rows)
        for tag, rows in sorted(by_tag.items())
    ]
    head = (
        "# Routes\n\nThis page is made from the OpenAPI document. `/docs` also shows each shape, "
        "with examples. [Errors](errors.md) explains each code."
    )
    return "\n\n".join([head, *parts]) + "\n"


def errors_page(document: Json) -> str:
    """Return the page of all codes, with the status and an example of each."""
    details = {
        (str(example["value"]["status"]), example["value"]["code"]): example["value"]["detail"]
        for example in document["components"]["examples"].values()
        if isinstance(example.get("value"), dict) and "code" in example["value"]
    }
    routes = defaultdict(set)
    for name, operation in _operations(document):
        for status, codes in _codes(document, operation).items():
            for code in codes:
                routes[code, status].add(name)
    rows = [
        f"| `{code}` | {status} | {details.get((status, code), '')} | {_few(names)} |"
        for (code, status), names in sorted(routes.items())
    ]
    head = (
        "# Errors\n\nThis page is made from the OpenAPI document. Every error is "
        "`application/problem+json`. Decide by `code`, never by `detail`. "
        "[Using the API](using-the-api.md) describes what all errors share.\n\n"
        "| Code | Status | Detail, for example | Routes |\n|---|---|---|---|"
    )
    return "\n".join([head, *rows]) + "\n"


def _few(names: set[str]) -> str:
    return (
        ", ".join(f"`{name}`" for name in sorted(names))
        if len(names) <= NAMED
        else f"{len(names)} routes"
    )


if __name__ == "__main__":
    run(main)

"""Renders the files of a feature from templates.

ruff then formats the files, and removes unused imports.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from scaffold.feature import Feature

BACKEND = Path(__file__).resolve().parents[1]
TEMPLATES = Path(__file__).with_name("templates")
# Unused imports go first. Otherwise, the order is fixed for lines that become shorter.
FIXES = ("F401", "I")
PROSE = 88  # columns of a docstring
DOCSTRING = re.compile(r'^( *)"""(.+)"""$', re.MULTILINE)

environment = Environment(
    loader=FileSystemLoader(TEMPLATES),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    autoescape=False,  # noqa: S701 - the output is Python
)


def render(feature: Feature) -> dict[str, str]:
    """Render every file of the feature except its migration.

    The keys are paths below `backend/`.
    """
    folders = {"feature": f"app/routers/{feature.name}", "tests": f"tests/{feature.name}"}
    files = {}
    for kind, folder in folders.items():
        for template in sorted((TEMPLATES / kind).glob("*.jinja")):
            if template.stem == "test_parent.py" and feature.parent is None:
                continue
            files[f"{folder}/{template.stem}"] = _rendered(f"{kind}/{template.name}", feature)
    files[f"docs/features/{feature.name}.md"] = _rendered("docs/feature.md.jinja", feature)
    return files


def _rendered(template: str, feature: Feature) -> str:
    text = environment.get_template(template).render(f=feature)
    if template.endswith(".md.jinja"):
        return text
    return DOCSTRING.sub(_wrapped, text.replace("    \n", "\n"))


def _wrapped(docstring: re.Match[str]) -> str:
    """Return a docstring whose lines are short enough, whatever the feature's name.

    If it does not fit on one line, its first sentence becomes the summary.
    """
    if len(docstring[0]) <= PROSE:
        return docstring[0]
    indent, text = docstring.groups()
    summary, dot, rest = text.partition(". ")
    paragraphs = [f'"""{summary}{dot.strip()}', rest] if rest else [f'"""{text}']
    filled = [
        textwrap.fill(
            one, PROSE, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
        )
        for one in paragraphs
    ]
    return "\n\n".join(filled) + f'\n{indent}"""'


def write(files: dict[str, str], backend: Path) -> list[Path]:
    """Write the files below `backend`, and format the Python files."""
    written = []
    for name, text in files.items():
        path = backend / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        written.append(path)
    tidy([path for path in written if path.suffix == ".py"], backend)
    return written


def tidy(paths: list[Path], backend: Path) -> None:
    """Remove unused imports and format the files, with the project's settings."""
    fixes = [["check", "--quiet", "--fix", "--select", rule, "--exit-zero"] for rule in FIXES]
    for options in (*fixes, ["format", "--quiet"]):
        command = [sys.executable, "-m", "ruff", *options, "--no-cache", *map(str, paths)]
        subprocess.run(command, cwd=backend, check=True)


def formatted(files: dict[str, str]) -> dict[str, str]:
    """Return the files, with Python code formatted and unused imports removed."""
    with tempfile.TemporaryDirectory(prefix="liftoff-scaffold-") as folder:
        root = Path(folder)
        shutil.copyfile(BACKEND / "pyproject.toml", root / "pyproject.toml")
        write(files, root)
        return {name: (root / name).read_text("utf-8") for name in files}

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
from scaffold.feature_tests import FeatureTests

BACKEND = Path(__file__).resolve().parents[1]
TEMPLATES = Path(__file__).with_name("templates")
# Remove unused imports (F401) before sorting (I), because the removal shortens lines,
# which may change how they are sorted.
FIXES = ("F401", "I")
PROSE, CODE = 88, 100  # columns of a docstring, and of other lines
FITS = PROSE - len('"""')  # ruff moves the closing quotes to the last line if they fit there
DOCSTRING = re.compile(r'^( *)"""((?:(?!""").)+)"""$', re.MULTILINE | re.DOTALL)
STRING = re.compile(r'^( +)(detail) = "([^"\\\n]+)"$', re.MULTILINE)

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
    text = environment.get_template(template).render(f=feature, t=FeatureTests(feature))
    if template.endswith(".md.jinja"):
        return text
    text = DOCSTRING.sub(_wrapped, text.replace("    \n", "\n"))
    return STRING.sub(_split, text)


def _wrapped(docstring: re.Match[str]) -> str:
    """Wrap a docstring, which may be too long because of the feature's name.

    If it does not fit on one line, its first sentence becomes the summary.
    """
    if all(len(line) <= PROSE for line in docstring[0].split("\n")):
        return docstring[0]
    indent, text = docstring.groups()
    if "\n" in text:
        paragraphs = text.rstrip().split("\n\n")
    else:
        summary, dot, rest = text.partition(". ")
        paragraphs = [summary + dot.strip(), rest] if rest else [text]
    filled = [
        textwrap.fill(
            " ".join(one.split()),
            FITS,
            initial_indent=indent,
            subsequent_indent=indent,
            break_on_hyphens=False,
        )
        for one in [f'"""{paragraphs[0]}', *paragraphs[1:]]
    ]
    return "\n\n".join(filled) + f'\n{indent}"""'


def _split(assignment: re.Match[str]) -> str:
    """Split a string that is too long because of the feature's name."""
    indent, name, text = assignment.groups()
    if len(assignment[0]) <= CODE:
        return assignment[0]
    parts = textwrap.wrap(text, FITS - len(indent) - 4, drop_whitespace=False)
    lines = "".join(f'{indent}    "{part}"\n' for part in parts)
    return f"{indent}{name} = (\n{lines}{indent})"


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

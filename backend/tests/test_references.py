"""References in code, comments and pages have a target in this repository.

The numbers of requirements and edge cases are those in `docs/requirements.md`.
"""

import io
import re
import subprocess
import tokenize

import pytest

from app.core.config import BACKEND, ROOT

PAGE = BACKEND / "docs" / "requirements.md"
# This also matches lists and ranges, such as "requirements 12, 20 and 28" or
# "requirements 41 to 43".
NUMBERS = re.compile(r"\brequirements? (\d+(?:(?:, and |, | and | to )\d+)*)", re.IGNORECASE)
CASE = re.compile(r"\bR\d{1,2}\b")
EDGE_CASE = re.compile(r"\bedge case: ([^\"]{3,90})", re.IGNORECASE)
# These numbers would refer to a list outside this repository. An issue number with more
# than two digits is allowed, because it is an issue of another project.
NOWHERE = re.compile(r"\b(?:details? \d+|issue \d{1,2}|point \d+)\b", re.IGNORECASE)
PAGE_NAME = re.compile(r"(?<![\w/<{}*-])(?:docs/)?([\w-]+\.md)\b")
SUFFIXES = (".py", ".md", ".jinja", ".toml", ".txt", ".conf", ".sql", ".yml", ".html")


def entries(page: str) -> list[str]:
    return [name.lower() for name in re.findall(r"\*\*(.+?)\*\*:", page.replace("\n  ", " "))]


def numbers_in(found: str) -> list[int]:
    first, last = (int(number) for number in (re.findall(r"\d+", found) * 2)[:2])
    if " to " in found:
        return list(range(first, last + 1))
    return [int(number) for number in re.findall(r"\d+", found)]


def unresolved(text: str, names: list[str]) -> list[str]:
    """Return the references in `text` that `names` does not contain."""
    text = re.sub(r"\s*\n\s*(?:# )?", " ", text)
    numbers = [number for found in NUMBERS.findall(text) for number in numbers_in(found)]
    wanted = [f"requirement {number}" for number in numbers]
    wanted += [found.lower() for found in CASE.findall(text)]
    missing = [name for name in wanted if name not in names]
    known = tuple(name.removeprefix("edge case: ") for name in names if "edge case: " in name)
    cases = [found for found in EDGE_CASE.findall(text) if not found.lower().startswith(known)]
    return missing + cases + NOWHERE.findall(text)


def prose(source: str) -> str:
    """Return the comments and docstrings of a Python module."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return "\n".join(
        token.string
        for token in tokens
        if token.type == tokenize.COMMENT or token.string.startswith('"""')
    )


def files() -> dict[str, str]:
    listed = subprocess.check_output(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, text=True
    )
    paths = [ROOT / name for name in filter(None, listed.split("\0"))]
    return {
        str(path.relative_to(ROOT)): path.read_text("utf-8")
        for path in paths
        if path.is_file()
        and (path.suffix in SUFFIXES or path.name == "Makefile")
        and "/demo/" not in str(path)  # the demo posts contain numbered points
        and path.name != "test_references.py"
    }


def test_every_reference_has_an_entry_under_its_name():
    names = entries(PAGE.read_text("utf-8"))
    missing = {name: unresolved(text, names) for name, text in files().items()}
    assert {name: found for name, found in missing.items() if found} == {}


def test_a_page_that_the_code_names_is_in_the_repository():
    texts = files()
    pages = {name.rsplit("/", 1)[-1].removesuffix(".jinja") for name in texts}
    named = {
        (name, page)
        for name, text in texts.items()
        if name.endswith(".py") and not name.startswith("backend/tests/scaffold/")
        for page in PAGE_NAME.findall(prose(text))
    }
    assert {(name, page) for name, page in named if page not in pages} == set()


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("Requirement 3.", []),
        ("Requirements 3 and 9.", ["requirement 9"]),
        ("requirements 1 to 3", ["requirement 2"]),
        ("(security\n    # requirement 9)", ["requirement 9"]),
        ("R1, R2", ["r2"]),
        ("Edge case: a card is gone, twice.", []),
        ("Edge case: nobody pays", ["nobody pays"]),
        ("Detail 7, issue 3", ["Detail 7", "issue 3"]),
    ],
)
def test_a_reference_without_an_entry_is_found(text, missing):
    page = "- **Requirement 1**: One.\n- **Requirement 3**: Three.\n- **R1**: Durable.\n"
    names = entries(f"{page}- **Edge case: a card\n  is gone**: The owner is told.\n")
    assert unresolved(text, names) == missing

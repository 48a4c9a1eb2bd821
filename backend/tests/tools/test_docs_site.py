"""The pages become a site that needs no other host, has a search and no broken link."""

import json
import re

import pytest

from app.core.config import BACKEND
from tools import documentation
from tools.console import Problem

pytestmark = [pytest.mark.slow, pytest.mark.only("sqlite")]
LOADED = re.compile(r"<(?:script|link|img|iframe)\b[^>]*?\b(?:src|href)=[\"']?([^\"'\s>]+)")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("docs")
    documentation.build(BACKEND / "docs", folder)
    return folder / "site"


def test_every_page_is_there(site):
    for page in (BACKEND / "docs").glob("*.md"):
        assert (site / f"{page.stem}.html").is_file()
    for made in ("routes", "errors", "decisions"):
        assert (site / f"{made}.html").is_file()


def test_nothing_is_loaded_from_another_host(site):
    for page in site.rglob("*.html"):
        loaded = LOADED.findall(page.read_text("utf-8"))
        assert loaded
        assert [one for one in loaded if re.match(r"(?:https?:)?//", one)] == []


def test_the_page_of_errors_has_every_code_of_the_routes(site):
    page = (site / "routes.html").read_text("utf-8")
    cells = re.findall(r"<td>((?:<code>\w+</code>(?:, )?)+)</td>", page)
    used = {code for cell in cells for code in re.findall(r"<code>(\w+)</code>", cell)}
    listed = re.findall(r"<code>(\w+)</code>", (site / "errors.html").read_text("utf-8"))
    assert len(used) > 50
    assert used <= {*listed}


def test_the_search_knows_every_page_and_heading(site):
    index = json.loads((site / "search.json").read_text("utf-8"))["items"]
    places = {item["location"] for item in index}
    assert {path.name for path in site.glob("*.html")} - {"404.html"} <= places
    assert "operating.html#restarting-without-a-failed-request" in places


@pytest.mark.parametrize(
    "link",
    ["[a](nowhere.md)", "[a](#nowhere)", "[a](../nowhere.py)"],
    ids=["page", "heading", "file"],
)
def test_a_broken_link_stops_the_build(tmp_path, link):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text(f"# Start\n\n{link}\n", "utf-8")
    with pytest.raises(Problem, match=r"index\.md"):
        documentation.build(tmp_path / "docs", tmp_path / "built")


def test_a_page_that_is_not_in_the_navigation_stops_the_build(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "stray.md").write_text("# Stray\n", "utf-8")
    with pytest.raises(Problem, match="stray"):
        documentation.build(tmp_path / "docs", tmp_path / "built")

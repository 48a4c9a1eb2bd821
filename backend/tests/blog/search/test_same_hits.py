"""Every search finds the same posts on every database."""

import pytest

from tests.blog.search.cases import CASES, POSTS

TITLES = {title: name for name, (title, _) in POSTS.items()}


@pytest.mark.parametrize(("q", "expected"), CASES, ids=[q[:30] for q, _ in CASES])
def test_the_hits_of_a_search(client, library, q, expected):
    """Sorting by relevance and sorting by time use different statements."""
    for sort in ("relevance", "-published_at"):
        answer = client.get("/blog/posts", params={"q": q, "sort": sort, "limit": 100})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert {TITLES[post["title"]] for post in page["items"]} == expected, sort
        assert (page["total"], page["has_more"]) == (len(expected), False), sort

"""The excerpt of a post, and the cost of long or hostile content."""

from datetime import timedelta

from app.core.types import utc_now
from tests.auth.factories import make_user

POST = {"title": "First light", "content": "Hello *world*", "is_published": True}


def test_an_excerpt_is_made_from_the_content_where_none_is_given(client, db, login):
    login(make_user())
    markdown = (
        "# Head\n\nA **bold** [link](https://example.org/) and `code`.\n\n```python\nhidden = "
        "1\n```\n" + "word " * 100
    )
    made = client.post("/blog/posts", json=POST | {"content": markdown}).json()["excerpt"]
    assert made.startswith("Head A bold link and code. word word")
    assert made.endswith("word\u2026")
    assert len(made) <= 201
    assert client.post("/blog/posts", json=POST | {"excerpt": "Mine"}).json()["excerpt"] == "Mine"
    assert client.post("/blog/posts", json=POST | {"excerpt": ""}).json()["excerpt"] == ""


def test_an_excerpt_of_one_endless_word_fits_too(client, db, login):
    login(make_user())
    assert (
        len(client.post("/blog/posts", json=POST | {"content": "x" * 5000}).json()["excerpt"])
        <= 201
    )


def test_hostile_markdown_costs_little_time(client, db, login):
    """`tests/core/test_markdown.py` measures the cost of each text.

    The limit in this test allows for a busy machine.
    """
    login(make_user())
    started = utc_now()
    for content in ("[" * 200_000, "![" * 100_000, "```" * 66_666, "[a](" * 50_000, "`" * 200_000):
        assert client.post("/blog/posts", json=POST | {"content": content}).status_code == 201
    assert utc_now() - started < timedelta(seconds=30)

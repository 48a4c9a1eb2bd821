"""The Atom feed is valid whatever a post contains, and has only posts that everyone may
see.
"""

from datetime import timedelta

import pytest

from app.core.types import utc_now
from app.routers.blog.content.rendering import set_content
from app.routers.blog.feeds import atom
from app.routers.blog.models import BlogPost
from tests.auth.factories import make_user
from tests.blog.factories import make_category, make_post
from tests.support.atom import ATOM, XML, check_feed, complaints

HOSTILE = (
    "]]>",
    "<![CDATA[ x ]]>",
    "a & b &amp; c &nbsp;",
    "<script>alert(1)</script>",
    "\x0b\x1f\x7f\x85",
    "\ufffe\uffff",
    "\u202eright to left\u2066",
    "emoji \U0001f469\u200d\U0001f680 \U0010ffff",
    "line\r\nbreak\ttab",
    "?> <!-- <?xml version='1.1'?>",
    "\"quotes\" 'and' more",
)


def feed_of(client):
    answer = client.get("/blog/feed.atom")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/atom+xml"
    return check_feed(answer.content)


def texts(feed, name):
    return [entry.findtext(ATOM + name) for entry in feed.iterfind(f"{ATOM}entry")]


def test_a_post_has_all_that_readers_need(client, db):
    author = make_user(username="ada")
    category = make_category(slug="space", name="Deep <space>")
    post = make_post(author, title="First & best", slug="first", category_id=category.id)
    (entry,) = feed_of(client).findall(f"{ATOM}entry")
    assert entry.findtext(f"{ATOM}title") == "First & best"
    assert entry.findtext(f"{ATOM}author/{ATOM}name") == "ada"
    day = f"{post.created_at:%Y-%m-%d}"
    assert entry.findtext(f"{ATOM}id") == f"tag:testserver,{day}:blog/posts/{post.id}"
    link, named = entry.find(f"{ATOM}link"), entry.find(f"{ATOM}category")
    assert link.get("href").endswith("/blog/first")
    assert named.attrib == {"term": "space", "label": "Deep <space>"}
    content = entry.find(f"{ATOM}content")
    assert (content.get("type"), content.get(f"{XML}base")) == ("html", link.get("href"))
    assert "<em>" in content.text
    assert entry.findtext(f"{ATOM}summary") == post.excerpt


def test_an_empty_feed_is_valid(client, db):
    feed = feed_of(client)
    assert texts(feed, "id") == []
    assert feed.findtext(f"{ATOM}updated") == "1970-01-01T00:00:00Z"


@pytest.mark.parametrize("text", HOSTILE)
def test_the_feed_is_valid_whatever_a_post_holds(client, db, text):
    """Plain SQL may have written any text into any column."""
    category = make_category(slug=f"s{text}", name=f"n{text}")
    values = {"title": f"t{text}", "slug": f"p{text}", "excerpt": text}
    made = BlogPost()
    set_content(made, f"c{text}")
    html = {"content": made.content, "content_html": text, "html_digest": made.html_digest}
    make_post(make_user(), category_id=category.id, **values, **html)
    feed = feed_of(client)
    visible = "".join(c for c in text if c not in "\x0b\x1f\ufffe\uffff").replace("\r\n", "\n")
    assert texts(feed, "title") == [f"t{visible}"]
    assert texts(feed, "content") == [visible or None]


def test_drafts_and_posts_of_tomorrow_are_not_in_it(client, db, clock):
    author = make_user()
    make_post(author, is_published=False, published_at=None)
    tomorrow = utc_now() + timedelta(days=1)
    make_post(author, published_at=tomorrow, title="Later")
    make_post(author, title="Now")
    assert texts(feed_of(client), "title") == ["Now"]
    clock.move_to(tomorrow + timedelta(minutes=1))
    feed = feed_of(client)
    assert texts(feed, "title") == ["Later", "Now"]
    assert feed.findtext(f"{ATOM}updated") == f"{tomorrow:%Y-%m-%dT%H:%M:%SZ}"


def test_an_inactive_category_is_not_named(client, db):
    make_post(make_user(), category_id=make_category(is_active=False).id)
    assert texts(feed_of(client), "category") == [None]


def test_the_newest_posts_come_first_and_the_size_is_bounded(client, db, monkeypatch):
    author = make_user()
    for number in range(atom.NEWEST + 2):
        make_post(author, title=str(number), published_at=utc_now() - timedelta(days=40 - number))
    assert texts(feed_of(client), "title") == [str(n) for n in range(atom.NEWEST + 1, 1, -1)]
    monkeypatch.setattr(atom, "MOST_CONTENT", 100)
    contents = texts(feed_of(client), "content")
    assert contents[0]
    assert contents[-1] is None
    monkeypatch.setattr(atom, "SHORT", 0)
    assert set(texts(feed_of(client), "content")) == {None}


def test_a_reader_who_has_the_feed_is_told_so(client, db):
    author = make_user()
    post = make_post(author)
    first = client.get("/blog/feed.atom")
    known = {"If-None-Match": first.headers["etag"]}
    unchanged = client.get("/blog/feed.atom", headers=known)
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    head = client.head("/blog/feed.atom")
    assert (head.status_code, head.content, head.headers["etag"]) == (
        200,
        b"",
        first.headers["etag"],
    )
    make_post(author)
    changed = client.get("/blog/feed.atom", headers=known)
    assert changed.status_code == 200
    assert f":blog/posts/{post.id}<" in changed.text
    assert client.get("/blog/feed.atom?utm_source=x").status_code == 422


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"<title>Newest posts</title>", b""),
        (b"</title>", b"</title><title/>"),
        (b"<name>", b"<nome/><name>"),
        (b"T", b" "),
        (b' href="', b' ref="'),
        (b' term="', b' terms="'),
        (b"<published>", b"<published>on "),
        (b'content type="html"', b'content type="html5"'),
        (b"<summary>", b"<summary><b/>"),
        (b"</feed>", b"<logo/></feed>"),
    ],
)  # fmt: skip
def test_the_grammar_finds_what_is_wrong(client, db, old, new):
    make_post(make_user(), category_id=make_category().id)
    feed = client.get("/blog/feed.atom").content
    assert complaints(feed) == []
    assert old in feed
    assert complaints(feed.replace(old, new)) != []

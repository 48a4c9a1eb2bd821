"""`make render-posts` stores new HTML for posts whose HTML is missing or outdated."""

import subprocess
import sys

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from app.core import markdown
from app.core.config import BACKEND
from app.db.database import SessionLocal
from app.routers.blog.commands import cli
from app.routers.blog.content import rerendering
from app.routers.blog.models import BlogPost
from tests.auth.factories import make_user
from tests.blog.factories import make_post

CURRENT = "<p>Content</p>\n"


def stored():
    columns = BlogPost.__table__.c
    wanted = (columns.content_html, columns.reading_minutes, columns.updated_at)
    with SessionLocal() as db:
        return [tuple(row) for row in db.execute(select(*wanted).order_by(columns.id))]


@pytest.fixture
def run(db):
    def call(*options):
        done = CliRunner().invoke(cli, ["render-posts", *options])
        assert done.exit_code == 0, done.output
        return done.output

    return call


@pytest.fixture
def rendered(monkeypatch):
    """Return the texts that the command rendered."""
    texts = []

    def noted(content):
        texts.append(content)
        return markdown.render(content)

    monkeypatch.setattr(rerendering, "render", noted)
    return texts


def test_only_outdated_posts_are_rendered(run, rendered, client, login):
    author = login(make_user())
    client.post("/blog/posts", json={"title": "New", "content": "New"})
    make_post(author, content="Without")
    digest = markdown.digest_of("Content")
    make_post(author, content="Content", content_html=CURRENT, html_digest=digest)
    make_post(author, content="word " * 300, content_html=CURRENT, html_digest=digest)
    before = stored()
    assert run() == "Posts checked: 4\n"
    assert rendered == ["Without", "word " * 300]
    after = stored()
    assert [html[:12] for html, _, _ in after] == [
        "<p>New</p>\n",
        "<p>Without</",
        CURRENT[:12],
        "<p>word word",
    ]
    assert after[3][1] == 2
    assert [row[2] for row in after] == [row[2] for row in before]
    assert run() == "Posts checked: 4\n"
    assert len(rendered) == 2


def test_a_new_renderer_renders_all_posts(run, rendered, monkeypatch):
    author = make_user()
    for number in range(3):
        content = f"# {number}"
        digest = markdown.digest_of(content)
        make_post(author, content=content, content_html="old", html_digest=digest)
    run()
    assert rendered == []
    monkeypatch.setattr(markdown, "VERSION", markdown.VERSION + 1)
    run("--restart")
    assert rendered == ["# 0", "# 1", "# 2"]
    assert all(html.startswith("<h1") for html, _, _ in stored())


def test_cached_responses_show_the_new_html(run, client, monkeypatch):
    post = make_post(make_user(), content="*a*", content_html="old")
    monkeypatch.setattr(rerendering, "digest_of", lambda _content: "x")
    run()
    assert client.get(f"/blog/posts/{post.id}").json()["content_html"] == "<p><em>a</em></p>\n"


def test_the_command_is_part_of_the_command_line():
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "blog", "--help"],
        cwd=BACKEND,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "render-posts" in done.stdout

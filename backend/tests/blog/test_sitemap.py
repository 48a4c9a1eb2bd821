"""The sitemap lists every post that everyone may see, in files of a bounded size."""

from datetime import timedelta
from xml.etree.ElementTree import fromstring

import pytest

from app.core.types import utc_now
from app.platform.cache.entries import LARGEST
from app.routers.blog.feeds import sitemap
from tests.auth.factories import make_user
from tests.blog.factories import make_post

SITEMAPS = "{http://www.sitemaps.org/schemas/sitemap/0.9}"


def parsed(answer):
    return fromstring(answer.content)  # noqa: S314 - our own response


def locations(answer):
    """Return the kind of a sitemap file, and the addresses in it."""
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/xml"
    root = parsed(answer)
    assert {child.tag for child in root} <= {f"{SITEMAPS}url", f"{SITEMAPS}sitemap"}
    found = [child.findtext(f"{SITEMAPS}loc") for child in root]
    return root.tag.removeprefix(SITEMAPS), found


@pytest.fixture
def small(monkeypatch):
    """Files with two posts each."""
    monkeypatch.setattr(sitemap, "PER_FILE", 2)
    sitemap.first_of_each_file.cache_clear()
    yield
    sitemap.first_of_each_file.cache_clear()


def test_few_posts_are_in_one_file(client, db):
    author = make_user()
    posts = [make_post(author, slug=f"post-of-{n}") for n in range(3)]
    make_post(author, is_published=False, published_at=None)
    make_post(author, published_at=utc_now() + timedelta(days=1))
    answer = client.get("/blog/sitemap.xml")
    kind, found = locations(answer)
    assert kind == "urlset"
    assert [address.rsplit("/", 2)[1:] for address in found] == [["blog", p.slug] for p in posts]
    (changed_at, *_) = [url.findtext(f"{SITEMAPS}lastmod") for url in parsed(answer)]
    assert changed_at == f"{posts[0].updated_at:%Y-%m-%dT%H:%M:%SZ}"


def test_an_empty_sitemap_is_a_sitemap(client, db):
    assert locations(client.get("/blog/sitemap.xml")) == ("urlset", [])


def test_many_posts_are_in_several_files(client, db, small):
    author = make_user()
    posts = [make_post(author) for _ in range(3)]
    hidden = [make_post(author, is_published=False, published_at=None) for _ in range(4)]
    posts += [make_post(author) for _ in range(2)]
    kind, files = locations(client.get("/blog/sitemap.xml"))
    assert kind == "sitemapindex"
    paths = [address.removeprefix("http://testserver") for address in files]
    found = [address for path in paths for address in locations(client.get(path))[1]]
    assert [address.rsplit("/", 1)[1] for address in found] == [post.slug for post in posts]
    numbers = {(post.id + 1) // 2 for post in posts}
    assert paths == [f"/blog/sitemap-{number}.xml" for number in sorted(numbers)]
    (empty, *_) = {(post.id + 1) // 2 for post in hidden} - numbers
    for number in (empty, 10**9):
        missing = client.get(f"/blog/sitemap-{number}.xml")
        assert (missing.status_code, missing.json()["code"]) == (404, "sitemap_not_found")


@pytest.mark.parametrize("number", ["0", "-1", "x", "1e9", "99999999999999"])
def test_a_number_that_is_none_is_refused(client, db, number):
    assert client.get(f"/blog/sitemap-{number}.xml").status_code == 422


def test_any_slug_is_an_address(client, db):
    make_post(make_user(), slug="über & <東京>\x0b")
    (found,) = locations(client.get("/blog/sitemap.xml"))[1]
    assert found.endswith("/blog/%C3%BCber%20%26%20%3C%E6%9D%B1%E4%BA%AC%3E")


def test_a_full_file_fits_into_the_cache():
    longest = sitemap.page_url("x" * 120, utc_now())  # a URL of the greatest length
    assert len(longest) * sitemap.PER_FILE < LARGEST


def test_a_crawler_that_has_the_sitemap_is_told_so(client, db):
    make_post(make_user())
    etag = client.get("/blog/sitemap.xml").headers["etag"]
    known = {"If-None-Match": etag}
    assert client.get("/blog/sitemap.xml", headers=known).status_code == 304
    assert client.head("/blog/sitemap.xml").headers["etag"] == etag
    make_post(make_user())
    assert client.get("/blog/sitemap.xml", headers=known).status_code == 200

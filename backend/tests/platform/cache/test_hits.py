"""A response from memory equals a computed response. Some requests never get a response
from memory.
"""

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import delete, insert

from app.platform.cache import layer, routes, watches
from app.platform.cache.callers import callers
from app.platform.cache.entries import entries
from tests.support import leaflets
from tests.support.leaflets import Leaflet, Printer

ALIKE = ("etag", "content-type", "content-length", "cache-control", "vary")


@pytest.fixture
def client(committed, settings, monkeypatch):
    """A client of an application that caches. The application always assumes that it
    has heard of all changes in other processes.
    """
    settings(CACHE_ENABLED="true")
    monkeypatch.setattr(watches.freshness, "until", float("inf"))
    leaflets.runs.clear()
    for kept in (entries, callers.entries):
        kept.clear()
    app = leaflets.leaflet_app()
    yield TestClient(app)  # the lifespan does not run, so no thread polls
    entries.clear()


@pytest.fixture
def leaflet(client):
    return client.post("/leaflets", json={"title": "a"}).json()["id"]


def test_a_hit_equals_the_response_that_was_computed(client, leaflet):
    computed = client.get("/leaflets", headers={"Origin": "https://app.example.com"})
    hit = client.get("/leaflets", headers={"Origin": "https://app.example.com"})
    assert hit.json() == computed.json()
    assert hit.content == computed.content
    assert set(hit.headers) == set(computed.headers)
    assert [hit.headers[name] for name in ALIKE] == [computed.headers[name] for name in ALIKE]
    assert hit.headers["access-control-allow-origin"] == "https://app.example.com"
    assert "Origin" in hit.headers["vary"]
    assert hit.headers["x-request-id"] != computed.headers["x-request-id"]
    assert len(leaflets.runs) == 1


def test_a_hit_answers_304_and_head(client, leaflet):
    etag = client.get(f"/leaflets/{leaflet}").headers["etag"]
    for tags in (etag, f'"other", {etag}', f"W/{etag}", "*"):
        unchanged = client.get(f"/leaflets/{leaflet}", headers={"If-None-Match": tags})
        assert (unchanged.status_code, unchanged.content) == (304, b"")
        assert unchanged.headers["etag"] == etag
        assert "content-type" not in unchanged.headers
    assert client.get(f"/leaflets/{leaflet}", headers={"If-None-Match": '"x"'}).status_code == 200
    assert client.head(f"/leaflets/{leaflet}").headers["etag"] == etag
    assert len(leaflets.runs) == 1


def test_a_first_conditional_request_is_kept_as_a_whole(client, leaflet):
    etag = client.get(f"/leaflets/{leaflet}").headers["etag"]
    entries.clear()
    first = client.get(f"/leaflets/{leaflet}", headers={"If-None-Match": etag})
    assert first.status_code == 304
    assert client.get(f"/leaflets/{leaflet}").json()["title"] == "a"
    assert len(leaflets.runs) == 2


@pytest.mark.parametrize(
    "headers", [{"Authorization": "Bearer x"}, {"Cookie": "a=b"}, {"Authorization": ""}]
)
def test_a_request_that_may_name_its_sender_passes_the_cache_by(client, leaflet, headers):
    for _ in range(2):
        client.get("/leaflets", headers=headers)
    assert (len(leaflets.runs), len(entries)) == (2, 0)
    client.get("/leaflets")
    client.get("/leaflets", headers=headers)
    assert len(leaflets.runs) == 4


@pytest.mark.parametrize(
    "query", ["offset=1", "offset=0&limit=5", "q=a", "limit=1&limit=2", "tag=a&t%61g=b"]
)
def test_searches_later_pages_and_unclear_queries_are_not_kept(client, leaflet, query):
    client.get(f"/leaflets?{query}")
    assert len(entries) == 0


def test_the_order_of_parameters_does_not_matter(client, leaflet):
    client.get("/leaflets?limit=5&tag=x")
    client.get("/leaflets?tag=x&limit=5")
    assert len(leaflets.runs) == 1
    client.get("/leaflets?tag=y&limit=5")
    assert len(leaflets.runs) == 2


def test_only_good_responses_are_kept(client, leaflet):
    assert client.get("/leaflets/99").status_code == 404
    assert client.get("/leaflets?limit=0").status_code == 422
    assert client.get("/leaflets?nope=1").status_code == 422
    assert len(entries) == 0


def test_an_unknown_host_gets_no_hit(client, leaflet):
    client.get("/leaflets")
    assert client.get("/leaflets", headers={"Host": "evil.example"}).status_code == 400


def test_a_change_is_seen_at_once_however_it_is_made(client, leaflet, committed):
    def titles():
        return [found["title"] for found in client.get("/leaflets").json()["items"]]

    assert titles() == ["a"]
    client.put(f"/leaflets/{leaflet}", json={"title": "by row"})
    assert titles() == ["by row"]
    client.put(f"/leaflets/{leaflet}?way=statement", json={"title": "by statement"})
    assert titles() == ["by statement"]
    with committed() as db, db.begin():
        printer = db.get(Leaflet, leaflet).printer_id
        db.execute(insert(Leaflet), [{"printer_id": printer, "title": "many"}])
    assert titles() == ["by statement", "many"]
    with committed() as db:
        db.add(Leaflet(printer_id=printer, title="unflushed"))
        db.commit()
    assert titles() == ["by statement", "many", "unflushed"]
    client.delete(f"/leaflets/{leaflet}")
    assert titles() == ["many", "unflushed"]
    with committed() as db, db.begin():
        db.execute(delete(Printer))  # the database deletes the leaflets
    assert titles() == []


def test_only_the_columns_that_are_shown_count(client, leaflet, committed):
    client.get("/leaflets")
    with committed() as db, db.begin():
        printer = db.query(Printer).one()
        printer.orders += 1
        db.add(Printer(name="another"))
    client.get("/leaflets")
    assert len(leaflets.runs) == 1
    with committed() as db, db.begin():
        db.get(Printer, printer.id).name = "renamed"
    client.get("/leaflets")
    assert len(leaflets.runs) == 2


def test_a_change_that_is_rolled_back_is_never_seen(client, leaflet, committed):
    before = client.get("/leaflets").content
    with committed() as db:
        db.get(Leaflet, leaflet).title = "never"
        db.flush()
        client.get("/leaflets")
        db.rollback()
    assert client.get("/leaflets").content == before


def test_nothing_is_kept_while_knowledge_is_old_or_caching_off(
    client, leaflet, settings, monkeypatch
):
    settings(CACHE_ENABLED="false")
    client.get("/leaflets")
    assert len(entries) == 0
    settings(CACHE_ENABLED="true")
    client.get("/leaflets")
    monkeypatch.setattr(watches.freshness, "until", 0.0)
    client.get("/leaflets")
    assert len(leaflets.runs) == 3


def test_a_response_to_a_known_caller_is_not_kept(client, leaflet, monkeypatch):
    """The response shows who the caller is, in whatever way the caller was
    identified.
    """
    monkeypatch.setattr(routes, "current_viewer", lambda _request: "user:1")
    client.get("/leaflets")
    assert len(entries) == 0


def test_the_layer_is_the_innermost():
    from app.core.config import get_settings
    from app.platform import middleware

    assert layer.CacheMiddleware.__name__ in repr(middleware.middleware_stack(get_settings())[-1])

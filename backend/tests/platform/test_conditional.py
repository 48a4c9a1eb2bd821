"""ETags: a client that has the current version gets a 304.

No client can overwrite a version that it has not read.
"""

import contextlib
import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, BrokenBarrierError

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from tests.support.widgets import Widget

# These are ETags as clients send them back. Compressing proxies have changed some of
# them: nginx, HAProxy and Cloudflare add `W/`, and Apache and Caddy add the name of the
# content coding.
SENT_BACK = [
    '"{}"',
    'W/"{}"',
    '"other", "{}"',
    '"other",W/"{}" ',
    '"{}-gzip"',
    '"{}--gzip"',
    '"{}-br"',
    '"{}-zstd"',
    'W/"{}-gzip"',
]
OTHERS = [
    '"other"',
    "",
    "nonsense",
    'W/"other", "another"',
    "W/*",
    '"*"',
    "{}",
    'w/"{}"',
    '"{}-other"',
    '"-gzip{}"',
    'W/W/"{}"',
]
WIDGET = {"name": "spring", "weight": 1}


@pytest.fixture
def widget(widgets, db):
    """Store a widget, and return its path."""
    return widgets.post("/widgets", json=WIDGET).headers["Location"]


def test_a_get_has_a_strong_etag_that_changes_with_the_answer(widgets, widget):
    one, same = (widgets.get(widget).headers["etag"] for _ in range(2))
    assert re.fullmatch(r'"[0-9a-f]{32}"', one)
    assert one == same
    widgets.put(widget, json=WIDGET | {"weight": 2})
    assert widgets.get(widget).headers["etag"] != one


@pytest.mark.parametrize("form", [*SENT_BACK, "*", " * "])
def test_who_has_the_current_version_gets_304(widgets, widget, form):
    etag = widgets.get(widget).headers["etag"]
    answer = widgets.get(widget, headers={"If-None-Match": form.format(etag.strip('"'))})
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)
    assert (answer.headers["cache-control"], answer.headers["vary"]) == (
        "no-cache",
        "Authorization, Origin",
    )
    assert not [
        name for name in answer.headers if name.startswith("content-") and "security" not in name
    ]


@pytest.mark.parametrize("form", OTHERS)
def test_who_has_another_version_gets_the_answer(widgets, widget, form):
    etag = widgets.get(widget).headers["etag"]
    answer = widgets.get(widget, headers={"If-None-Match": form.format(etag.strip('"'))})
    assert (answer.status_code, answer.json()["name"]) == (200, "spring")


def test_lists_have_an_etag_too(widgets, widget):
    etag = widgets.get("/widgets").headers["etag"]
    assert widgets.get("/widgets", headers={"If-None-Match": etag}).status_code == 304
    assert widgets.get("/widgets?limit=1", headers={"If-None-Match": etag}).status_code == 200


def test_no_error_has_one(widgets, db):
    assert "etag" not in widgets.get("/widgets/1").headers


@pytest.mark.parametrize("form", [*SENT_BACK, "*"])
def test_who_read_the_current_version_may_change_it(widgets, widget, form):
    etag = widgets.get(widget).headers["etag"]
    answer = widgets.put(
        widget, json=WIDGET | {"weight": 2}, headers={"If-Match": form.format(etag.strip('"'))}
    )
    assert (answer.status_code, answer.json()["weight"]) == (200, 2)


@pytest.mark.parametrize("form", [form for form in OTHERS if form])
def test_who_did_not_changes_nothing(widgets, widget, form):
    etag = widgets.get(widget).headers["etag"]
    answer = widgets.put(
        widget, json=WIDGET | {"weight": 2}, headers={"If-Match": form.format(etag.strip('"'))}
    )
    assert (answer.status_code, answer.json()["code"]) == (412, "stale")
    assert widgets.get(widget).json()["weight"] == 1


def test_the_answer_of_a_change_is_what_the_next_read_gives(widgets, widget):
    changed = widgets.put(
        widget,
        json=WIDGET | {"weight": 2},
        headers={"If-Match": widgets.get(widget).headers["etag"]},
    )
    read = widgets.get(widget)
    assert (read.content, read.headers["etag"]) == (changed.content, changed.headers["etag"])
    again = widgets.put(
        widget, json=WIDGET | {"weight": 3}, headers={"If-Match": changed.headers["etag"]}
    )
    assert again.status_code == 200
    assert again.headers["etag"] != changed.headers["etag"]
    refused = widgets.put(widget, json=WIDGET, headers={"If-Match": changed.headers["etag"]})
    assert (refused.status_code, "etag" in refused.headers) == (412, False)


def test_without_if_match_the_last_writer_wins(widgets, widget):
    widgets.put(widget, json=WIDGET | {"weight": 2})
    assert widgets.put(widget, json=WIDGET | {"weight": 3}).json()["weight"] == 3


@pytest.fixture
def slow_writes():
    """Make each write wait until a second write has reached the same point in the code.

    Without a lock, both writes would pass the check.
    """
    together = Barrier(2)

    def wait(session, *_):
        if any(isinstance(row, Widget) for row in session.dirty):
            with contextlib.suppress(BrokenBarrierError):
                together.wait(0.5)

    event.listen(Session, "before_flush", wait)
    yield
    event.remove(Session, "before_flush", wait)


def test_of_writers_with_the_same_etag_one_wins(widgets, committed, slow_writes):
    path = widgets.post("/widgets", json=WIDGET).headers["Location"]
    etag = widgets.get(path).headers["etag"]

    def write(weight):
        return widgets.put(path, json=WIDGET | {"weight": weight}, headers={"If-Match": etag})

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(write, range(10, 14)))
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]
    won = next(answer.json() for answer in answers if answer.status_code == 200)
    assert widgets.get(path).json() == won

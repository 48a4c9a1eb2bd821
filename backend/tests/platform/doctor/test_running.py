"""Each check has a limit, and no check stops the others."""

import json
import time
from threading import Event

import pytest

from app.platform import doctor
from app.platform.doctor import Check, State, failure, ok, report, warning
from app.platform.doctor.running import Row, run_checks

SEVERAL = [
    Row("database", State.OK, "PostgreSQL 15", "", 0.01),
    Row("redis", State.FAILURE, "It is unavailable.", "Start it. " * 30, 0.25),
]


def crash():
    raise RuntimeError("unlucky\nsecond line")


def states(rows):
    return [(row.check, row.state) for row in rows]


def test_a_crash_is_a_failure_of_one_row():
    rows = run_checks([Check("a", crash), Check("b", lambda: ok("fine"))])
    assert states(rows) == [("a", "failure"), ("b", "ok")]
    assert rows[0].detail == "This check crashed. RuntimeError: unlucky"


def test_a_check_that_exits_is_a_failure():
    def leave():
        raise SystemExit("no settings")

    (row,) = run_checks([Check("a", leave)])
    assert (row.state, row.detail) == ("failure", "This check crashed. SystemExit: no settings")


def test_a_check_that_hangs_ends_at_its_limit():
    never = Event()

    def hang():
        never.wait(30)

    began = time.monotonic()
    hanging = [Check(name, hang, seconds=0.3) for name in "ab"]
    rows = run_checks([*hanging, Check("c", lambda: ok("fine"))])
    never.set()
    assert states(rows) == [("a", "failure"), ("b", "failure"), ("c", "ok")]
    assert "did not finish within 0 seconds" in rows[0].detail
    assert time.monotonic() - began < 0.6  # at the same time, not one after the other


def test_a_check_that_does_not_apply_has_no_row():
    assert run_checks([Check("a", lambda: None)]) == []


def test_checks_behind_a_failed_one_are_not_run():
    chain = [
        Check("rows", crash, needs="schema"),
        Check("schema", crash, needs="database"),
        Check("database", lambda: failure("It is down.", "Start it.")),
        Check("disk", lambda: ok("fine")),
    ]
    rows = run_checks(chain)
    assert states(rows) == [
        ("rows", "warning"),
        ("schema", "warning"),
        ("database", "failure"),
        ("disk", "ok"),
    ]
    assert {row.detail for row in rows[:2]} == {
        "This was not checked, because the check `database` failed."
    }


@pytest.mark.parametrize("before", [lambda: ok("fine"), lambda: warning("odd", "Look."), None])
def test_checks_behind_another_result_are_run(before):
    first = Check("database", before or (lambda: None))
    rows = run_checks([first, Check("schema", lambda: ok("fine"), needs="database")])
    assert ("schema", "ok") in states(rows)


def test_no_secret_is_shown():
    said = "postgresql://liftoff:hunter2@db/x and sk_live_abcdefgh and password=hunter2"
    (row,) = run_checks([Check("a", lambda: failure(said, said))])
    for text in (row.detail, row.remedy):
        assert "hunter2" not in text
        assert "abcdefgh" not in text


def test_the_table_has_state_name_detail_and_remedy():
    lines = list(report.as_table(SEVERAL))
    assert lines[0] == "ok       database  PostgreSQL 15"
    assert lines[1] == "failure  redis     It is unavailable."
    assert lines[2].startswith("                   -> Start it. Start it.")
    assert max(map(len, lines)) <= report.WIDTH
    assert lines[-1] == "ok: 1, warning: 0, failure: 1"


def test_json_has_an_object_for_each_row():
    assert json.loads(report.as_json(SEVERAL))[0] == {
        "check": "database",
        "state": "ok",
        "detail": "PostgreSQL 15",
        "remedy": "",
        "seconds": 0.01,
    }


def test_only_a_failure_is_a_failure():
    assert report.has_failed(SEVERAL)
    assert not report.has_failed([Row("a", State.WARNING, "odd", "Look.", 0.0)])


def test_two_checks_cannot_have_one_name():
    doctor.all_checks()
    with pytest.raises(ValueError, match="Two checks have the name 'database'"):
        doctor.check("database")(lambda: None)

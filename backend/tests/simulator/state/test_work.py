"""Units of work see, store and undo changes, and record events."""

import pytest

from simulator.objects import previous_attributes, public_object
from simulator.protocol.errors import StripeError, card_error
from simulator.state.store import Store
from simulator.state.work import Work

NOW = 1_767_225_600


@pytest.fixture
def store():
    return Store(seed="tests", frozen=NOW)


def customer(work: Work, email: str):
    return work.put(work.new("customer", email=email, test_clock=None))


def emails(store, **filters):
    with store.work() as work:
        return [found["email"] for found in work.all("customer", **filters)]


class Oops(Exception):
    pass


def test_what_it_put_is_found_at_once_and_afterwards(store):
    with store.work() as work:
        made = customer(work, "a@example.com")
        made["name"] = "changed after it was put"
        assert work.first("customer", email="a@example.com") is made
    with store.work() as work:
        found = work.get("customer", made["id"])
        assert found == made
        assert found is not made


def test_a_change_that_was_not_put_is_lost(store):
    with store.work() as work:
        made = customer(work, "a@example.com")
    with store.work() as work:
        work.get("customer", made["id"])["email"] = "b@example.com"
    assert emails(store) == ["a@example.com"]


def test_everything_is_undone_when_it_fails(store):
    with store.work() as work:
        kept, gone = customer(work, "kept@example.com"), customer(work, "gone@example.com")
        last = customer(work, "last@example.com")
        work.set_timer("x", "y", NOW)

    def fail():
        with store.work() as work:
            customer(work, "new@example.com")
            work.put(work.get("customer", kept["id"]) | {"email": "changed@example.com"})
            work.put(work.get("customer", last["id"]) | {"email": "changed@example.com"})
            work.remove("customer", last["id"])
            work.remove("customer", gone["id"])
            work.clear_timer("x", "y")
            work.set_timer("x", "y", NOW + 1)
            work.emit("customer.updated", work.get("customer", kept["id"]))
            work.after_commit(lambda: pytest.fail("there was no commit"))
            raise Oops

    with pytest.raises(Oops):
        fail()
    assert emails(store) == ["kept@example.com", "gone@example.com", "last@example.com"]
    for email in ("kept@example.com", "gone@example.com", "last@example.com"):
        assert emails(store, email=email) == [email]
    for email in ("new@example.com", "changed@example.com"):
        assert emails(store, email=email) == []
    with store.work() as work:
        assert work.ids("event") == []
        assert work.get("_timer", "x y")["at"] == NOW


def test_some_errors_are_history(store):
    def fail(error, email):
        with store.work() as work:
            customer(work, email)
            raise error

    for error, kept in ((card_error("No.", "card_declined"), True), (StripeError("No."), False)):
        with pytest.raises(StripeError):
            fail(error, f"{kept}@example.com")
    assert emails(store) == ["True@example.com"]


def test_an_id_is_never_given_twice(store):
    seen = set()

    def fail():
        with store.work() as work:
            seen.add(work.new_id("customer"))
            raise Oops

    for _ in range(3):
        with pytest.raises(Oops):
            fail()
    assert len(seen) == 3


def test_the_same_seed_gives_the_same_ids_and_another_one_others():
    def ids(seed):
        with Store(seed=seed).work() as work:
            return [work.new_id("customer"), work.new_id("invoice"), work.new_secret()]

    assert ids("a") == ids("a")
    assert not set(ids("a")) & set(ids("b"))
    assert not set(ids(None)) & set(ids(None))


def test_indexes_follow_changes_and_the_order_stays(store):
    with store.work() as work:
        first, second = customer(work, "x@example.com"), customer(work, "y@example.com")
        work.put(first | {"email": "y@example.com"})
        assert work.ids("customer", email="y@example.com") == [first["id"], second["id"]]
        assert work.ids("customer", email="x@example.com") == []


def events(store):
    with store.work() as work:
        return [(e["type"], e["data"].get("previous_attributes")) for e in work.all("event")]


def test_an_update_tells_what_was_before_each_event_of_its_own(store):
    with store.work() as work:
        made = customer(work, "a@example.com")
        work.emit("customer.created", made)
    with store.work() as work:
        found = work.get("customer", made["id"])
        for email in ("b@example.com", "c@example.com", "c@example.com"):
            found["email"] = email
            work.put(found)
            work.emit("customer.updated", found)
        found["email"] = "d@example.com"
        work.put(found)
        work.emit("customer.deleted", found)
    assert events(store) == [
        ("customer.created", None),
        ("customer.updated", {"email": "a@example.com"}),
        ("customer.updated", {"email": "b@example.com"}),
        ("customer.deleted", None),
    ]


def test_an_event_holds_the_object_of_its_time_without_internals(store):
    with store.work() as work:
        made = work.put(work.new("customer", email="a@example.com", _secret="x"))
        work.emit("customer.created", made)
        made["email"] = "b@example.com"
        work.put(made)
        (event,) = work.all("event")
    shown = event["data"]["object"]
    assert shown["email"] == "a@example.com"
    assert "_secret" not in shown


@pytest.mark.parametrize(
    ("before", "after", "previous"),
    [
        ({"a": 1}, {"a": 1}, {}),
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, {"b": 2}),
        ({"a": {"x": 1, "y": 2}}, {"a": {"x": 1, "y": 3}}, {"a": {"y": 2}}),
        ({"a": {"x": 1}}, {"a": None}, {"a": {"x": 1}}),
        ({"a": None}, {"a": {"x": 1}}, {"a": None}),
        ({"a": [1, 2]}, {"a": [1, 3]}, {"a": [1, 2]}),
        ({}, {"a": 1}, {"a": None}),
        ({"a": 1}, {}, {"a": 1}),
    ],
)
def test_previous_attributes(before, after, previous):
    assert previous_attributes(before, after) == previous


def test_public_leaves_the_original_alone():
    original = {"a": 1, "_b": 2, "c": [{"_d": 3}]}
    assert public_object(original) == {"a": 1, "c": [{}]}
    assert original == {"a": 1, "_b": 2, "c": [{"_d": 3}]}

"""The simulator reads back from the state file what it wrote, even if rows were packed
in the meantime.
"""

import contextlib
import lzma
import sqlite3

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.objects import encode
from simulator.state import file as file_module
from simulator.state.file import Changes, StateFile, UnusableState


@pytest.fixture
def small(monkeypatch):
    """Make the simulator pack rows after only a few."""
    monkeypatch.setattr(file_module, "MAX_ROWS", 6)
    monkeypatch.setattr(file_module, "PACK_SIZE", 3)


def thing(number, version=0):
    return encode(
        {"object": "price", "id": f"price_{number}", "version": version, "text": "ab" * 20}
    )


CHANGES = st.lists(
    st.dictionaries(
        st.integers(0, 12), st.one_of(st.none(), st.integers(0, 3)), min_size=1, max_size=5
    ),
    max_size=12,
)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30
)
@given(CHANGES)
def test_the_latest_state_is_read_back_in_order_of_creation(small, tmp_path_factory, history):
    path = tmp_path_factory.mktemp("state") / "state.db"
    state = StateFile(path)
    expected: Changes = {}
    for changes in history:
        written = {
            ("price", f"price_{n}"): None if v is None else thing(n, v) for n, v in changes.items()
        }
        state.write(written, {"counter": "1"})
        for key, data in written.items():
            if data is None:
                expected.pop(key, None)
            else:
                expected[key] = data
        state.close()
        state = StateFile(path)
        assert dict(state.objects()) == expected
    state.close()


def test_objects_keep_the_order_of_their_creation(small, tmp_path):
    state = StateFile(tmp_path / "state.db")
    for number in range(20):
        state.write({("price", f"price_{number}"): thing(number)}, {})
    state.write({("price", "price_1"): thing(1, 9), ("price", "price_19"): thing(19, 9)}, {})
    state.close()
    again = StateFile(tmp_path / "state.db")
    assert [key[1] for key, _ in again.objects()] == [f"price_{number}" for number in range(20)]
    again.close()


def test_everything_is_cleared_or_nothing(small, tmp_path):
    """In this test, deleting the packs fails, so everything else must stay, too."""
    path = tmp_path / "state.db"
    state = StateFile(path)
    for number in range(20):
        state.write({("price", f"price_{number}"): thing(number)}, {"seed": "s"})
    state.close()
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute(
            "CREATE TRIGGER guard BEFORE DELETE ON packs BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
    state = StateFile(path)
    with pytest.raises(sqlite3.IntegrityError):
        state.clear()
    state.close()
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("DROP TRIGGER guard")
    again = StateFile(path)
    assert len(dict(again.objects())) == 20
    again.clear()
    assert (dict(again.objects()), again.meta()) == ({}, {})
    again.close()


def test_many_objects_of_a_kind_take_little_room(tmp_path):
    state = StateFile(tmp_path / "state.db")
    state.write({("price", f"price_{n}"): thing(n) for n in range(20_000)}, {})
    state.close()
    assert (tmp_path / "state.db").stat().st_size < 400_000


def test_what_fills_no_pack_does_not_make_packs_again_and_again(small, tmp_path):
    state = StateFile(tmp_path / "state.db")
    log = tmp_path / "state.db-wal"  # only packing empties this file
    packed = 0
    kinds = ["price", "coupon", "charge", "refund", "dispute"]
    for number in range(2):  # these ten rows do not fill a pack
        state.write({(kind, f"{kind}_{number}"): thing(number) for kind in kinds}, {})
        packed += not log.stat().st_size
    for number in range(30):
        state.write({("price", "price_0"): thing(0, number)}, {})
        packed += not log.stat().st_size
    state.close()
    assert packed == 1


def test_a_failed_write_leaves_everything_as_it_was(small, tmp_path, monkeypatch):
    state = StateFile(tmp_path / "state.db")
    state.write({("price", f"price_{n}"): thing(n) for n in range(5)}, {})
    with monkeypatch.context() as broken:
        broken.setattr(lzma, "compress", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            state.write({("price", f"price_{n}"): thing(n, 1) for n in range(9)}, {})
    state.write({("price", "price_0"): None}, {})
    state.close()
    again = StateFile(tmp_path / "state.db")
    assert dict(again.objects()) == {("price", f"price_{n}"): thing(n) for n in range(1, 5)}
    again.close()


def test_two_simulators_cannot_share_a_file(tmp_path):
    first = StateFile(tmp_path / "state.db")
    with pytest.raises(UnusableState, match="Is another simulator running"):
        StateFile(tmp_path / "state.db")
    first.close()
    StateFile(tmp_path / "state.db").close()


def test_what_is_no_state_is_left_alone(tmp_path):
    path = tmp_path / "state.db"
    path.write_bytes(b"My thesis, the only copy. " * 100)
    with pytest.raises(UnusableState, match="Delete or move it"):
        StateFile(path)
    assert path.read_bytes().startswith(b"My thesis")


def test_a_state_of_another_version_is_left_alone(tmp_path):
    path = tmp_path / "state.db"
    state = StateFile(path)
    state.write({}, {})
    state.close()
    with sqlite3.connect(path) as db:
        db.execute("UPDATE meta SET value = '0' WHERE name = 'format'")
    db.close()
    with pytest.raises(UnusableState, match="another version"):
        StateFile(path)

"""Additions to a file that was edited by hand keep the manual changes.

An addition that is not safe is refused.
"""

import pytest

from scaffold.merge import Untouchable, merge

BASE = """
from a import one


class Thing(Base):
    __table_args__ = (Index("a"),)

    id: int


FILTERS = {
    "made": 1,
}


@route
def create(data):
    save(data)
    return data
"""
NEW = """
from a import one, two


class Thing(Base):
    __table_args__ = (Unique("b"), Index("a"))

    id: int
    paid: bool


class Taken(Error):
    code = "taken"


FILTERS = {
    "paid": 2,
    "made": 1,
}


@route
@raises(Taken)
def create(data):
    with guard:
        save(data)
    return data
"""
CURRENT = """
import own
from a import one  # ours


class Thing(Base):
    __table_args__ = (Index("a"), Index("mine"))  # by hand

    id: int
    # what the customer calls it
    title: str

    def shout(self): return self.title.upper()


FILTERS = {"made": 1, "title": 3}


@route
@raises(Other)
def create(data):
    save(data)
    return data


def helper(): ...
"""


def merged(current=CURRENT, base=BASE, new=NEW):
    return merge(current, base, new, "service.py")


def test_what_is_new_comes_in_and_what_is_there_stays():
    text = merged()
    assert "from a import one,two  # ours" in text
    for line in ("paid: bool", "class Taken(Error):", '"paid": 2', "with guard:"):
        assert line in text, line
    for line in (
        "import own",
        "# by hand",
        "# what the customer calls it",
        "title: str",
        "def shout",
        '"title": 3',
    ):
        assert line in text, line
    assert '(Unique("b"),Index("a"), Index("mine"),)' in text.replace(", )", ",)")
    assert "@raises(Other,Taken,)" in text.replace(" ", "").replace("\n", "")
    assert text.index("class Taken") < text.index("FILTERS")
    compile(text, "service.py", "exec")


def test_twice_is_once():
    assert merged(current=merged()) == merged()


def test_what_was_taken_out_by_hand_does_not_come_back():
    text = merged(CURRENT.replace('"made": 1, ', ""))
    assert '"paid": 2' in text
    assert '"made"' not in text


def test_a_comment_stays_with_its_assignment():
    current, new = ("A = 1\n\n# about C\nC = 3\n", "A = 1\nB = 2\nC = 3\n")
    assert merged(current, "A = 1\nC = 3\n", new) == "A = 1\nB = 2\n\n# about C\nC = 3\n"


def test_nothing_new_changes_nothing():
    assert merged(new=BASE) == CURRENT


def test_a_hand_edited_function_is_kept_if_it_need_not_change():
    by_hand = CURRENT.replace("    save(data)\n", "    check(data)\n    save(data)\n")
    new = NEW.replace("    with guard:\n        save(data)\n", "    save(data)\n")
    text = merged(by_hand, new=new)
    assert "check(data)\n    save(data)\n" in text
    assert "Taken" in text


@pytest.mark.parametrize(
    ("old", "by_hand"),
    [
        ("    save(data)\n    return data\n", "    return keep(data)\n"),
        ('FILTERS = {"made": 1, "title": 3}', "FILTERS = filters_of(Thing)"),
        ("class Thing(Base):", "class Other(Base):"),
    ],
)
def test_a_hand_edited_function_that_must_change_is_refused(old, by_hand):
    assert old in CURRENT
    with pytest.raises(Untouchable, match=r"^service\.py: "):
        merged(CURRENT.replace(old, by_hand))


def test_arguments_of_a_call_are_added():
    """A later field with `:search` becomes one more argument of `searchable`."""
    before, after = 'words: Any = searchable("a")', 'words: Any = searchable("a", "b")'
    by_hand = 'words: Any = searchable("title", "a")  # ours'
    merged = 'words: Any = searchable("title", "a","b")  # ours'  # ruff then formats it
    assert merge(by_hand, before, after, "models.py") == merged
    with pytest.raises(Untouchable):
        merge("words: Any = other()", before, after, "models.py")

"""Applying the changes between two texts to the old text gives the new text. Finding
the changes takes bounded time.
"""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.line_diff import MAX_CHANGES, Change, changed_lines

LINES = st.lists(st.sampled_from("abc"), max_size=30)


def applied(old, new, changes):
    """Apply the changes to the old text, and return the result."""
    result, at = [], 0
    for change in changes:
        result += [*old[at : change.start], *new[change.new_start : change.new_end]]
        at = change.end
    return result + list(old[at:])


def common(old, new):
    """Return the largest possible number of unchanged lines."""
    best = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for i, a in enumerate(old):
        for j, b in enumerate(new):
            best[i + 1][j + 1] = best[i][j] + 1 if a == b else max(best[i][j + 1], best[i + 1][j])
    return best[-1][-1]


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ("", "", []),
        ("abc", "abc", []),
        ("", "ab", [Change(0, 0, 0, 2)]),
        ("ab", "", [Change(0, 2, 0, 0)]),
        ("abc", "abxc", [Change(2, 2, 2, 3)]),
        ("abc", "axc", [Change(1, 2, 1, 2)]),
        ("abcd", "xbcy", [Change(0, 1, 0, 1), Change(3, 4, 3, 4)]),
        ("aab", "ab", [Change(1, 2, 1, 1)]),
    ],
)
def test_these_lines_have_changed(old, new, changes):
    assert changed_lines(old, new) == changes


@given(LINES, LINES)
def test_the_changes_lead_to_the_new_text_and_are_the_fewest(old, new):
    changes = changed_lines(old, new)
    assert applied(old, new, changes) == new
    removed = sum(change.end - change.start for change in changes)
    assert len(old) - removed == common(old, new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ([str(number) for number in range(100_000)], [f"x{number}" for number in range(100_000)]),
        (["a", *["b"] * 100_000], [*["b"] * 99_000, "c"]),
        (["a", "b"] * 50_000, ["b", "b", "a"] * 33_000),
        (
            [str(number % 7) for number in range(90_000)],
            [str(number % 5) for number in range(90_000)],
        ),
    ],
    ids=["nothing in common", "one line", "two lines", "periods"],
)
def test_the_longest_texts_take_little_time(old, new):
    began = time.thread_time()
    changes = changed_lines(old, new)
    assert time.thread_time() - began < 5
    assert applied(old, new, changes) == new


def test_beyond_the_limit_all_lines_between_count_as_changed():
    old = [f"{number}" for number in range(2_000)]
    new = [line if number % 2 else f"x{line}" for number, line in enumerate(old)]
    assert len(changed_lines(old[: MAX_CHANGES - 100], new[: MAX_CHANGES - 100])) == 200
    (whole,) = changed_lines(old, new)
    assert whole == Change(0, 1_999, 0, 1_999)

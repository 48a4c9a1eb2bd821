"""The lines that differ between two texts, in bounded time.

This is Myers' algorithm ("An O(ND) Difference Algorithm and Its Variations", 1986),
which finds the fewest changed lines. The algorithm takes more time if there are more
differences. If there are more than `MAX_CHANGES` differences, everything between the
equal beginnings and the equal ends of the texts counts as changed. `difflib` is not
used, because its time is cubic for some texts.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

MAX_CHANGES = 500
MAX_COMPARISONS = 1_000_000


class Change(NamedTuple):
    """Lines `start` to `end` of the old text became these lines of the new text."""

    start: int
    end: int
    new_start: int
    new_end: int


def changed_lines(old: Sequence[str], new: Sequence[str]) -> list[Change]:
    """Return the changes in order. Lines are counted from 0, and ends are excluded."""
    first = _common(old, new)
    last = _common(old[first:][::-1], new[first:][::-1])
    inner_old, inner_new = old[first : len(old) - last], new[first : len(new) - last]
    if not inner_old and not inner_new:
        return []
    equal = _equal_lines(inner_old, inner_new) if inner_old and inner_new else []
    return [
        Change(start + first, end + first, new_start + first, new_end + first)
        for start, end, new_start, new_end in _between(equal, len(inner_old), len(inner_new))
    ]


def _common(old: Sequence[str], new: Sequence[str]) -> int:
    pairs = enumerate(zip(old, new, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(old), len(new)))


def _between(equal: Sequence[tuple[int, int]], old: int, new: int) -> Iterator[Change]:
    """Yield the changes before, between and after the pairs of equal lines."""
    at, new_at = 0, 0
    for x, y in [*equal, (old, new)]:
        if x > at or y > new_at:
            yield Change(at, x, new_at, y)
        at, new_at = x + 1, y + 1


def _equal_lines(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """Return the pairs of equal lines on the shortest path from `old` to `new`.

    This is Myers' search. On diagonal `k`, the line number in `old` is the line number
    in `new` plus `k`. `reached[k]` is the last line of `old` that the search has
    reached on diagonal `k` with the current number of changes.
    """
    reached, rounds, comparisons = {1: 0}, list[dict[int, int]](), 0
    for changes in range(MAX_CHANGES + 1):
        rounds.append(reached.copy())
        for diagonal in range(-changes, changes + 1, 2):
            start = x = _begin(reached, diagonal, changes)
            y = x - diagonal
            while x < len(old) and y < len(new) and old[x] == new[y]:
                x, y = x + 1, y + 1
            comparisons += x - start
            reached[diagonal] = x
            if x >= len(old) and y >= len(new):
                return _way_back(rounds, len(old), len(new))
        if comparisons > MAX_COMPARISONS:
            break
    return []


def _begin(reached: dict[int, int], diagonal: int, changes: int) -> int:
    """Return the line in `old` at which the path enters a diagonal."""
    if _enters_by_added_line(reached, diagonal, changes):
        return reached[diagonal + 1]
    return reached[diagonal - 1] + 1


def _enters_by_added_line(reached: dict[int, int], diagonal: int, changes: int) -> bool:
    return diagonal == -changes or (
        diagonal != changes and reached[diagonal - 1] < reached[diagonal + 1]
    )


def _way_back(rounds: Sequence[dict[int, int]], x: int, y: int) -> list[tuple[int, int]]:
    equal = []
    for changes in range(len(rounds) - 1, -1, -1):
        begin = _begin(rounds[changes], x - y, changes)
        while x > begin:
            x, y = x - 1, y - 1
            equal.append((x, y))
        if _enters_by_added_line(rounds[changes], x - y, changes):
            y -= 1
        else:
            x -= 1
    return equal[::-1]

"""On the page of the long checks, the rows of parts that did not run stay."""

import pytest

from tools import check_long
from tools.console import Problem
from tools.run_tests import Figure, Result, runs

BEFORE = """# Long checks

| Part | Date | Commit | Passed | Failed | Skipped | Seconds |
|---|---|---|---|---|---|---|
| once | 2030-01-01 | abc | 7 | 0 | 0 | 1 |
| faults | 2030-01-01 | abc | 8 | 0 | 0 | 2 |

| Case | Promise | Measured |
|---|---|---|
| R1 | short | 3 ms |
"""


def rows(page):
    return [line for line in page.splitlines() if line.startswith("| ")]


def test_only_the_rows_of_the_parts_that_ran_are_written_anew():
    result = Result("faults", exit_code=1, seconds=4.4, failed=1, errors=1, skipped=2, total=10)
    page = check_long.page(BEFORE, [result], [Figure("R2", "long", "9 s")])
    head, once, faults, figures, measured = rows(page)
    assert (head, once) == (check_long.HEAD, "| once | 2030-01-01 | abc | 7 | 0 | 0 | 1 |")
    assert faults.startswith("| faults | 20")
    assert faults.endswith(" | 6 | 2 | 2 | 4 |")
    assert (figures, measured) == (check_long.FIGURES, "| R2 | long | 9 s |")
    assert rows(check_long.page(page, [], [])) == rows(page)


def test_parts_are_chosen_by_name():
    planned = runs(None, "long")
    assert check_long.choose(planned, []) == planned
    assert [part.name for part in check_long.choose(planned, ["sqlite"])] == ["sqlite"]
    with pytest.raises(Problem, match="part=slqite is not a part"):
        check_long.choose(planned, ["slqite"])

"""Runs all tests and records the results, for `make check-long`.

Use it before a release. `.ci/run` runs only one case of each kind, so that it ends
within 20 minutes. This program also runs the remaining cases and the long tests of
faults, and measures coverage.
"""

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime

from tools.console import Problem, run
from tools.run_tests import (
    BACKEND,
    Figure,
    Result,
    Run,
    carry_out_all,
    coverage_report,
    fault_run,
    figure_table,
    peers_run,
    runs,
)

PAGE = BACKEND / "docs" / "long-checks.md"
INTRODUCTION = """# Long checks

`make check-long` writes this page. It runs the checks that take too long to run on every
change: all tests on all databases, with a measurement of coverage, and the long forms of
the tests of faults, one at a time.
"""


HEAD = "| Part | Date | Commit | Passed | Failed | Skipped | Seconds |"
FIGURES = "| Case | Promise | Measured |"


def main() -> int:
    """Run the named parts, or all parts, and write the page.

    Return 0 if every part passed.
    """
    os.environ.setdefault("PURGE_ROWS", "5000000")
    chosen = choose([*runs(None, "long"), peers_run(), fault_run("long")], sys.argv[1:])
    results, figures = carry_out_all(chosen)
    covered = not any(each.measured for each in chosen) or coverage_report()
    PAGE.write_text(page(PAGE.read_text(), results, figures))
    print("", *results, f"Written: {PAGE.relative_to(BACKEND.parent)}", sep="\n", flush=True)
    return 0 if covered and all(result.exit_code == 0 for result in results) else 1


def choose(planned: list[Run], names: list[str]) -> list[Run]:
    """Return the parts with these names, or all parts if no name is given.

    Raises `Problem` for an unknown name.
    """
    if unknown := sorted(set(names) - {each.name for each in planned}):
        known = ", ".join(each.name for each in planned)
        raise Problem(f"part={unknown[0]} is not a part. The parts are: {known}.")
    return [each for each in planned if not names or each.name in names]


def page(before: str, results: list[Result], figures: list[Figure]) -> str:
    """Return the page with the rows of these results.

    The rows of other parts stay.
    """
    head = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.check_output(head, cwd=BACKEND, text=True).strip()
    rows = {row.split(" ")[1]: row for row in _rows(before, HEAD)}
    for result in results:
        failed = result.failed + result.errors
        numbers = [
            result.total - failed - result.skipped,
            failed,
            result.skipped,
            round(result.seconds),
        ]
        cells = [result.name, f"{datetime.now(UTC):%Y-%m-%d}", commit, *map(str, numbers)]
        rows[result.name] = f"| {' | '.join(cells)} |"
    machine = (
        f"Last run on {os.cpu_count()} processors, {platform.system()}, Python "
        f"{platform.python_version()}."
    )
    table = [HEAD, "|---|---|---|---|---|---|---|", *rows.values()]
    measured = figure_table(figures) or ["", FIGURES, "|---|---|---|", *_rows(before, FIGURES)]
    return "\n".join([INTRODUCTION, machine, "", *table, *measured, ""])


def _rows(text: str, head: str) -> list[str]:
    """Return the rows of the table that begins with this line."""
    _, _, table = text.partition(f"{head}\n")
    return table.partition("\n\n")[0].splitlines()[1:]


if __name__ == "__main__":
    run(main)

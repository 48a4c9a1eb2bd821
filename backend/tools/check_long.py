"""Run all tests and record the results, for `make check-long`.

Run it before an issue is resolved.

`.ci/run` contains one case of each kind, so that it ends within 20 minutes. This
program runs the remaining cases and the long forms of the tests of faults, and measures
coverage.
"""

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime

from tools.console import run
from tools.run_tests import (
    BACKEND,
    Figure,
    Result,
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


def main() -> int:
    """Run all parts, write the page, and return 0 if every part passed."""
    os.environ.setdefault("PURGE_ROWS", "5000000")
    results, figures = carry_out_all([*runs(None, "long"), peers_run(), fault_run("long")])
    covered = coverage_report()
    PAGE.write_text(page(results, figures))
    print("", *results, f"Written: {PAGE.relative_to(BACKEND.parent)}", sep="\n", flush=True)
    return 0 if covered and all(result.exit_code == 0 for result in results) else 1


def page(results: list[Result], figures: list[Figure]) -> str:
    head = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.check_output(head, cwd=BACKEND, text=True)
    machine = f"{os.cpu_count()} processors, {platform.system()}, Python {platform.python_version()}"
    lines = [
        f"Last run on {datetime.now(UTC):%Y-%m-%d}, on commit {commit.strip()} ({machine}).",
        "",
        "| Part | Passed | Failed | Skipped | Seconds |",
        "|---|---|---|---|---|",
    ]
    for result in results:
        failed = result.failed + result.errors
        passed = result.total - failed - result.skipped
        lines.append(f"| {result.name} | {passed} | {failed} | {result.skipped} | {result.seconds:.0f} |")
    return "\n".join([INTRODUCTION, *lines, *figure_table(figures), ""])


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit("make check-long takes no options")
    run(main)

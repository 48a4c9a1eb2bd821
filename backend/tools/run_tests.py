"""What `make test` runs: the suite on each database in turn, then a table of counts.

With the slow tests, coverage is measured, too, and has to reach a floor.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from tools.console import Problem, run

BACKEND = Path(__file__).resolve().parents[1]
EVERYWHERE = ("sqlite", "postgresql")  # what every machine has
MEASURED = ("sqlite",)  # which runs all there is; to measure takes two fifths more
FLOOR = 95


@dataclass(frozen=True)
class Result:
    """One run. Without a report pytest itself came to grief: no counts, an exit code."""

    database: str
    seconds: float
    exit_code: int
    failed: int = 0
    errors: int = 0
    skipped: int = 0
    total: int = 0

    def __str__(self) -> str:
        counts = {
            "failed": self.failed,
            "passed": self.total - self.failed - self.errors - self.skipped,
            "skipped": self.skipped,
            "errors": self.errors,
        }
        words = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        return f"{self.database:<12}{words or f'no tests ran, exit code {self.exit_code}'} in {self.seconds:.1f}s"


def main() -> int:
    arguments = parser().parse_args()
    target = f"tests/{arguments.only}" if arguments.only else "tests"
    if not (BACKEND / target).exists():
        raise Problem(f"There is no backend/{target}: only= takes the name of a folder or file in backend/tests.")
    selection = [target] if arguments.slow else [target, "-m", "not slow"]
    measured = MEASURED if arguments.slow and not arguments.only else ()
    for old in BACKEND.glob(".coverage*"):
        old.unlink()
    results = [run_suite(database, selection, measure=database in measured) for database in databases()]
    covered = coverage_report() if measured else True
    print("", *results, sep="\n", flush=True)
    return 0 if covered and all(result.exit_code == 0 for result in results) else 1


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="make test", description=__doc__)
    options.add_argument("--only", help="a folder of tests, such as blog")
    options.add_argument("--slow", action="store_true", help="the exhaustive tests too")
    return options


def databases() -> list[str]:
    return [*EVERYWHERE, "mysql"] if os.environ.get("MYSQL_TEST_URL") else [*EVERYWHERE]


def run_suite(database: str, selection: list[str], *, measure: bool) -> Result:
    print(f"\n{database}", flush=True)
    coverage = ["--cov", "--cov-report="] if measure else []
    environment = os.environ | {"COVERAGE_FILE": str(BACKEND / f".coverage.{database}")}
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.xml"
        command = [sys.executable, "-m", "pytest", f"--database={database}", "--numprocesses=auto", "--quiet"]
        started = time.perf_counter()
        code = subprocess.run(
            [*command, *coverage, f"--junitxml={report}", *selection], cwd=BACKEND, env=environment, check=False
        ).returncode
        seconds = time.perf_counter() - started
        return Result(database, seconds, code, **counts(report)) if report.exists() else Result(database, seconds, code)


def counts(report: Path) -> dict[str, int]:
    suites = list(ET.parse(report).getroot().iter("testsuite"))  # noqa: S314 - pytest wrote it a moment ago
    wanted = {"failed": "failures", "errors": "errors", "skipped": "skipped", "total": "tests"}
    return {ours: sum(int(suite.get(theirs, 0)) for suite in suites) for ours, theirs in wanted.items()}


def coverage_report() -> bool:
    """Whether all measured runs together reach the floor, branches included."""
    coverage = [sys.executable, "-m", "coverage"]
    subprocess.run([*coverage, "combine", "--quiet"], cwd=BACKEND, check=True)
    return subprocess.run([*coverage, "report", f"--fail-under={FLOOR}"], cwd=BACKEND, check=False).returncode == 0


if __name__ == "__main__":
    run(main)

"""What `make test` runs: what stands beside the application, the rest on each database in turn, a table of counts.

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
ONCE = ("tests/scaffold", "tests/simulator", "tests/tools")  # what stands beside the application
MEASURED = "sqlite"  # to measure takes two fifths more
FLOOR = 95
WORKERS = (os.cpu_count() or 1) + 1  # a third of the time a test waits: for a server, a lock, a time-out


@dataclass(frozen=True)
class Run:
    """`selection`: arguments that tell pytest which tests."""

    name: str
    database: str
    selection: list[str]
    measured: bool = False


@dataclass(frozen=True)
class Result:
    """One run. Without a report pytest itself came to grief: no counts, an exit code."""

    name: str
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
        return f"{self.name:<12}{words or f'no tests ran, exit code {self.exit_code}'} in {self.seconds:.1f}s"


def main() -> int:
    arguments = parser().parse_args()
    planned = runs(arguments.only, slow=arguments.slow)
    for old in BACKEND.glob(".coverage*"):
        old.unlink()
    results = [carry_out(run) for run in planned]
    covered = not any(run.measured for run in planned) or coverage_report()
    print("", *results, sep="\n", flush=True)
    return 0 if covered and all(result.exit_code == 0 for result in results) else 1


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="make test", description=__doc__)
    options.add_argument("--only", help="a folder of tests, such as blog")
    options.add_argument("--slow", action="store_true", help="the exhaustive tests too")
    return options


def runs(only: str | None, *, slow: bool) -> list[Run]:
    """Raises `Problem` if there is no such folder or file."""
    target = f"tests/{only}" if only else "tests"
    if not (BACKEND / target).exists():
        raise Problem(f"There is no backend/{target}: only= takes the name of a folder or file in backend/tests.")
    chosen = [] if slow else ["-m", "not slow"]
    if target.startswith(ONCE):
        return [Run("once", EVERYWHERE[0], [target, *chosen])]
    apart = [] if only else [Run("once", EVERYWHERE[0], [*ONCE, *chosen])]
    rest = [target, *(f"--ignore={folder}" for folder in ONCE), *chosen]
    kinds = [*EVERYWHERE, "mysql"] if os.environ.get("MYSQL_TEST_URL") else EVERYWHERE
    return [*apart, *(Run(kind, kind, rest, measured=slow and not only and kind == MEASURED) for kind in kinds)]


def carry_out(run: Run) -> Result:
    print(f"\n{run.name}", flush=True)
    coverage = ["--cov", "--cov-report="] if run.measured else []
    environment = os.environ | {"COVERAGE_FILE": str(BACKEND / f".coverage.{run.database}")}
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.xml"
        command = [sys.executable, "-m", "pytest", f"--database={run.database}", "--quiet"]
        command += [f"--numprocesses={WORKERS}", "--dist=worksteal"]
        started = time.perf_counter()
        code = subprocess.run(
            [*command, *coverage, f"--junitxml={report}", *run.selection], cwd=BACKEND, env=environment, check=False
        ).returncode
        seconds = time.perf_counter() - started
        return Result(run.name, seconds, code, **(counts(report) if report.exists() else {}))


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

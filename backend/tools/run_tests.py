"""Runs the tests and counts the results.

Tests of the simulator, the generator and the tools run once. All other tests run once
on each database.

| Command | What it runs |
|---|---|
| `make test` | all tests but the slow, long, fault and third-party ones |
| `make test only=blog/test_posts.py k=draft db=sqlite` | one file, name, database |
| `make test slow=yes` | also the tests marked `slow`; CI runs this |
| `make test-faults` | only the tests of faults, on PostgreSQL; prints the figures |
| `make peers` | third-party programs against the simulator; installs them |
| `make check-long` | everything, also tests marked `long`; fails if coverage is low |
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree as ET

from tools import progress
from tools.console import Problem, run

BACKEND = Path(__file__).resolve().parents[1]
EVERYWHERE = ("sqlite", "postgresql")  # databases that every machine has
# The folders whose tests run once, and not on each database.
ONCE = ("tests/scaffold", "tests/simulator", "tests/tools")
FAULTS = "tests/faults"
PEERS = "tests/peers"
PRODUCTION = "postgresql"
MEASURED = "sqlite"  # coverage is measured on one database, because it makes tests 40 % slower
MARKS = {"quick": "not slow and not long", "slow": "not long", "long": ""}
FLOOR = 95
NONE_FOUND = 5  # pytest's exit code if it finds no test
TIMES = BACKEND.parent / ".data" / "test_seconds.json"
WORKERS = (
    os.cpu_count() or 1
) + 1  # more workers than processors, because tests wait for a third of their time


@dataclass(frozen=True)
class Run:
    """A run of pytest. `selection` contains the arguments that select the tests."""

    name: str
    database: str
    selection: list[str]
    measured: bool = False
    workers: int = WORKERS


@dataclass(frozen=True)
class Result:
    """The result of one run.

    If pytest itself crashed, there are no counts, only an exit code.
    """

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
        return (
            f"{self.name:<12}{words or f'no tests ran, exit code {self.exit_code}'} in "
            f"{self.seconds:.1f}s"
        )


@dataclass(frozen=True)
class Figure:
    """Figures of one fault test: the promised and the measured value."""

    case: str
    promise: str
    measured: str


def main() -> int:
    """Run the selected tests. Return 0 if all of them passed."""
    chosen = parser().parse_args()
    planned = plan(chosen)
    results, figures = carry_out_all(planned)
    covered = not any(run.measured for run in planned) or coverage_report()
    print("", *results, *figure_table(figures), sep="\n", flush=True)
    if chosen.k and any(
        result.total for result in results
    ):  # a part in which no test has the wanted name counts as passed
        results = [result for result in results if result.exit_code != NONE_FOUND]
    return 0 if covered and all(result.exit_code == 0 for result in results) else 1


def plan(chosen: argparse.Namespace) -> list[Run]:
    depth = "long" if chosen.long else "slow" if chosen.slow else "quick"
    if chosen.peers:
        return [peers_run()]
    return [fault_run(depth)] if chosen.faults else runs(chosen.only, depth, chosen.db, chosen.k)


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="make test", description=__doc__)
    options.add_argument(
        "--only", help="a folder or file of tests, such as blog or blog/test_posts.py"
    )
    options.add_argument("--k", help="a part of the names of tests, as for pytest -k")
    options.add_argument("--db", help="the database: sqlite, postgresql or mysql")
    options.add_argument("--slow", action="store_true", help="run the exhaustive tests, too")
    options.add_argument("--long", action="store_true", help="run the longest tests, too")
    options.add_argument("--faults", action="store_true", help="run only the tests of faults")
    options.add_argument("--peers", action="store_true", help="run only the third-party programs")
    return options


def runs(
    only: str | None, depth: str, database: str | None = None, names: str | None = None
) -> list[Run]:
    """Return the runs for these options.

    Raises `Problem` if there is no such folder, file or database.
    """
    target = f"tests/{only}" if only else "tests"
    if not (BACKEND / target.partition("::")[0]).exists():
        raise Problem(
            f"There is no backend/{target}. only= takes the name of a folder or file in "
            "backend/tests."
        )
    if database not in (None, *EVERYWHERE, "mysql"):
        raise Problem(f"db={database} is not possible. Use sqlite, postgresql or mysql.")
    if database == "mysql" and "mysql" not in databases():
        raise Problem(
            "db=mysql needs MYSQL_TEST_URL, such as mysql://root@127.0.0.1:3306/liftoff_test."
        )
    planned = all_runs(target, depth)
    if len(planned) > 1:
        planned = [run for run in planned if database in (None, run.database)]
    if names is None and not target.endswith(".py") and "::" not in target:
        return planned
    chosen = ["-k", names] if names else []
    # A few tests would be finished before the workers have started.
    return [replace(run, selection=[*run.selection, *chosen], workers=0) for run in planned]


def databases() -> list[str]:
    return [*EVERYWHERE, "mysql"] if os.environ.get("MYSQL_TEST_URL") else [*EVERYWHERE]


def all_runs(target: str, depth: str) -> list[Run]:
    only = target != "tests"
    if target.startswith(FAULTS):
        return [fault_run(depth, target)]
    if target.startswith(PEERS):
        return [peers_run(target)]
    marks = ["-m", MARKS[depth]]
    if target.startswith(ONCE):
        return [Run("once", EVERYWHERE[0], [target, *marks])]
    apart = [] if only else [Run("once", EVERYWHERE[0], [*ONCE, *marks])]
    rest = [target, *(f"--ignore={folder}" for folder in (*ONCE, FAULTS, PEERS)), *marks]
    measured = depth == "long" and not only
    return [
        *apart,
        *(Run(kind, kind, rest, measured=measured and kind == MEASURED) for kind in databases()),
    ]


def fault_run(depth: str, target: str = FAULTS) -> Run:
    """Return the run of the fault tests.

    The long tests run one at a time, so that their figures can be compared.
    """
    workers = 0 if depth == "long" else WORKERS
    marks = MARKS["long" if depth == "long" else "slow"]
    return Run("faults", PRODUCTION, [target, "-m", marks], workers=workers)


def peers_run(target: str = PEERS) -> Run:
    """Return the run of the third-party programs.

    Each program needs a separate database, and no other load on the machine.
    """
    return Run("peers", PRODUCTION, [target], workers=0)


def carry_out_all(planned: list[Run]) -> tuple[list[Result], list[Figure]]:
    """Run the parts one after the other.

    Return the results, and the figures that the fault tests recorded.
    """
    for old in BACKEND.glob(".coverage*"):
        old.unlink()
    with tempfile.TemporaryDirectory() as scratch:
        recorded = Path(scratch) / "figures.jsonl"
        earlier = seconds_of_the_last_time()
        results = []
        for number, run in enumerate(planned, 1):
            later = sum(earlier.get(other.name, 0) for other in planned[number:])
            results.append(carry_out(run, recorded, f"part {number} of {len(planned)}", later))
        remember(earlier, planned, results)
        lines = recorded.read_text().splitlines() if recorded.exists() else []
    figures = [Figure(**json.loads(line)) for line in lines]
    return results, sorted(figures, key=lambda figure: figure.case)


def seconds_of_the_last_time() -> dict[str, float]:
    """Return how long each part took last time, to estimate the time left now."""
    try:
        known: dict[str, float] = json.loads(TIMES.read_text())
    except (OSError, ValueError):
        return {}
    return known


def remember(earlier: dict[str, float], planned: list[Run], results: list[Result]) -> None:
    """Store how long each part took, but only if the whole suite was run."""
    if len(planned) > len(EVERYWHERE) and all(run.workers for run in planned):
        TIMES.parent.mkdir(exist_ok=True)
        TIMES.write_text(json.dumps(earlier | {result.name: result.seconds for result in results}))


def carry_out(run: Run, recorded: Path, part: str = "", later: float = 0) -> Result:
    """Run one part.

    `later` is the expected duration of later parts, in seconds.
    """
    print(f"\n{run.name}, {part}" if part else f"\n{run.name}", flush=True)
    coverage = ["--cov", "--cov-report="] if run.measured else []
    environment = os.environ | {
        "COVERAGE_FILE": str(BACKEND / f".coverage.{run.database}"),
        "LIFTOFF_FIGURES": str(recorded),
        progress.PART: f"{run.name}, {part}",
        progress.LATER: str(later),
    }
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.xml"
        command = [sys.executable, "-m", "pytest", f"--database={run.database}", "--quiet"]
        command += ["-p", "tools.progress"]
        command += [f"--numprocesses={run.workers}", "--dist=worksteal"] if run.workers else []
        started = time.perf_counter()
        code = subprocess.run(
            [*command, *coverage, f"--junitxml={report}", *run.selection],
            cwd=BACKEND,
            env=environment,
            check=False,
        ).returncode
        seconds = time.perf_counter() - started
        return Result(run.name, seconds, code, **(counts(report) if report.exists() else {}))


def counts(report: Path) -> dict[str, int]:
    suites = list(ET.parse(report).getroot().iter("testsuite"))  # noqa: S314 - written by pytest
    wanted = {"failed": "failures", "errors": "errors", "skipped": "skipped", "total": "tests"}
    return {
        ours: sum(int(suite.get(theirs, 0)) for suite in suites) for ours, theirs in wanted.items()
    }


def figure_table(figures: list[Figure]) -> list[str]:
    """Return the lines of a Markdown table, or an empty list if there are no
    figures.
    """
    if not figures:
        return []
    rows = [f"| {figure.case} | {figure.promise} | {figure.measured} |" for figure in figures]
    return ["", "| Case | Promise | Measured |", "|---|---|---|", *rows]


def coverage_report() -> bool:
    """Return whether all measured runs together reach the minimum coverage."""
    coverage = [sys.executable, "-m", "coverage"]
    subprocess.run([*coverage, "combine", "--quiet"], cwd=BACKEND, check=True)
    return (
        subprocess.run(
            [*coverage, "report", f"--fail-under={FLOOR}"], cwd=BACKEND, check=False
        ).returncode
        == 0
    )


if __name__ == "__main__":
    run(main)

"""Checks of a deployment, for `make doctor`.

A feature declares its checks in its `doctor.py`:

    @check("billing webhook")
    def webhook() -> Finding | None: ...

    @invariant("billing rules")
    def rules(db: Session) -> Finding | None: ...

A check examines something other than rows, such as a service or a setting. The function
returns `None` if there is nothing to check, for example because the service is not
configured. An invariant is a rule that rows always follow. Invariants are also checked
in the restored copy of each backup.

The other modules of this folder: `running` runs the checks, each with a time limit, and
`report` prints their results. `settings`, `database`, `services`, `work` and `storage`
are the checks of the platform.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from sqlalchemy.orm import Session

from app.core.features import discover

PARTS = ("settings", "database", "services", "work", "storage")
# Most checks send one request to one service. The time limits of that request are
# usually shorter.
SECONDS = 12.0
SCHEMA = "database schema"  # the check that must pass before any check that reads rows


class State(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True)
class Finding:
    """The result of a check.

    `detail` says what was found, and `remedy` says what to do about it. Neither
    contains a secret.
    """

    state: State
    detail: str
    remedy: str = ""


def ok(detail: str) -> Finding:
    return Finding(State.OK, detail)


def warning(detail: str, remedy: str) -> Finding:
    return Finding(State.WARNING, detail, remedy)


def failure(detail: str, remedy: str) -> Finding:
    return Finding(State.FAILURE, detail, remedy)


@dataclass(frozen=True)
class Check:
    """A declared check.

    `needs` is the name of a check that must pass before this check makes sense.
    """

    name: str
    run: Callable[[], Finding | None]
    seconds: float = SECONDS
    needs: str | None = None


Invariant = Callable[[Session], Finding | None]
CheckFunction = Callable[[], Finding | None]
declared_checks: dict[str, Check] = {}
declared_invariants: dict[str, Invariant] = {}


def check(
    name: str, *, seconds: float = SECONDS, needs: str | None = None
) -> Callable[[CheckFunction], CheckFunction]:
    """Declare a check. The table of results shows it under this name."""

    def declare(run: CheckFunction) -> CheckFunction:
        _add(Check(name, run, seconds, needs))
        return run

    return declare


def invariant(name: str) -> Callable[[Invariant], Invariant]:
    """Declare a rule that the rows of a database always follow."""

    def declare(holds: Invariant) -> Invariant:
        def run() -> Finding | None:
            from app.db.database import SessionLocal  # this import needs valid settings

            with SessionLocal() as db:
                return holds(db)

        _add(Check(name, run, needs=SCHEMA))
        declared_invariants[name] = holds
        return holds

    return declare


def _add(declared: Check) -> None:
    if declared.name in declared_checks:
        raise ValueError(f"Two checks have the name {declared.name!r}")
    declared_checks[declared.name] = declared


@lru_cache
def all_checks() -> Mapping[str, Check]:
    """Return the checks of the platform and of all features.

    Raises `BrokenFeature` if a `doctor.py` cannot be imported.
    """
    for part in PARTS:
        importlib.import_module(f"{__name__}.{part}")
    for feature in discover():
        feature.module("doctor")
    return declared_checks


def all_invariants() -> Mapping[str, Invariant]:
    all_checks()
    return declared_invariants

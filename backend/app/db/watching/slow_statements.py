"""Logs statements that take too long, without their values.

| Record | When | What it contains |
|---|---|---|
| `slow_statement` | after `SLOW_STATEMENT_SECONDS` | route or job, seconds, shape |
| `slow_statement_plan` | with `SLOW_STATEMENT_PLANS` | route or job, plan |

Both records have a fingerprint, by which they can be grouped and counted. Statements
that differ only in their values have the same fingerprint.
"""

from collections.abc import Mapping
from typing import Any

from app.core.config import get_settings
from app.core.logging import get_logger
from app.db.database import engine

from .fingerprints import fingerprint_of
from .plans import request_plan

log = get_logger(__name__)


def report_slow(where: Mapping[str, str], statement: str, values: Any, seconds: float) -> None:
    """Log a slow statement. `where` names the route or the job that sent it."""
    kind = engine.dialect.name
    name, shape = fingerprint_of(statement, quotes_names=kind != "mysql")
    log.warning(
        "slow_statement", **where, seconds=round(seconds, 3), fingerprint=name, statement=shape
    )
    if get_settings().slow_statement_plans:
        request_plan(where, name, statement, values)

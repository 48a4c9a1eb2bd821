"""Example values that work only once, or only for a short time.

A token from an email, a code from an authenticator app or a signature cannot be written
into a document in advance. In development, such values are added to `/openapi.json`
each time it is served. These values belong to the accounts in the demo data. So every
body that `/docs` shows works unchanged. Other environments serve the document without
such values.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.core.features import discover
from app.core.logging import get_logger
from app.db.database import side_session

log = get_logger(__name__)


@dataclass(frozen=True)
class Live:
    """Body fields and request headers that replace the values in an example."""

    body: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


Makers = list[Callable[[Session], dict[str, Live]]]


def makers() -> Makers:
    """Return the `examples` function of each feature's `demo` module.

    Each function returns the values that its examples need now, by operation id.
    """
    found = (getattr(feature.module("demo"), "examples", None) for feature in discover())
    return [maker for maker in found if maker]


def filled(document: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of the document with values that work now.

    The values are stored in a separate transaction, because a `GET` should only read.
    Without the database, the document is returned unchanged.
    """
    values: dict[str, Live] = {}
    try:
        with side_session() as db:
            for make in makers():
                values |= make(db)
    except SQLAlchemyError as error:
        log.warning("examples_not_filled", reason=type(error).__name__)
        return document
    copy = deepcopy(document)
    for operation in (one for path in copy["paths"].values() for one in path.values()):
        if live := values.get(operation["operationId"]):
            _fill(operation, live)
    return copy


def _fill(operation: dict[str, Any], live: Live) -> None:
    for content in operation["requestBody"]["content"].values():
        content["example"] = content.get("example", {}) | live.body
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "header" and parameter["name"] in live.headers:
            parameter["example"] = live.headers[parameter["name"]]

"""Rules of ours that no JSON schema can express, for schemathesis."""

from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import schemathesis
from schemathesis.generation.meta import TestPhase

LONGEST_QUERY = 15_000


@schemathesis.hook
def filter_body(_context: schemathesis.HookContext, body: Any) -> bool:
    """Skip bodies with white space at the ends, which does not count for lengths.

    A padded text may be valid though its schema says that it is too long.
    """
    texts = (
        [value for value in body.values() if isinstance(value, str)]
        if isinstance(body, dict)
        else []
    )
    return all(text == text.strip() for text in texts)


@schemathesis.hook
def filter_query(_context: schemathesis.HookContext, query: Any) -> bool:
    """Skip URLs of more than 16 kB, which the server answers with 431 before
    routing.
    """
    return len(urlencode(query or {}, doseq=True)) < LONGEST_QUERY


@schemathesis.hook
def before_call(
    _context: schemathesis.HookContext, case: schemathesis.Case[Any], _kwargs: dict[str, Any]
) -> None:
    """Replace empty parameters by a blank, and keys by new ones.

    An empty parameter counts as missing, whatever its schema says. A blank is as wrong
    as any other text. In a scenario, no key may be used twice, because the response
    would be an earlier one's, whose object may be deleted.
    """
    case.query = {name: " " if value == "" else value for name, value in (case.query or {}).items()}
    if (
        case.meta
        and case.meta.phase.name is TestPhase.STATEFUL
        and "Idempotency-Key" in case.headers
    ):
        case.headers["Idempotency-Key"] = uuid4().hex

"""What schemathesis must know of our rules that no JSON schema can say."""

from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import schemathesis
from schemathesis.generation.meta import TestPhase

LONGEST_QUERY = 15_000


@schemathesis.hook
def filter_body(_context: schemathesis.HookContext, body: Any) -> bool:
    """Lengths count without white space at the ends: a padded text may be right though
    its schema says too long.
    """
    texts = (
        [value for value in body.values() if isinstance(value, str)]
        if isinstance(body, dict)
        else []
    )
    return all(text == text.strip() for text in texts)


@schemathesis.hook
def filter_query(_context: schemathesis.HookContext, query: Any) -> bool:
    """The server answers an address of more than 16 kB with 431, before any route is
    chosen.
    """
    return len(urlencode(query or {}, doseq=True)) < LONGEST_QUERY


@schemathesis.hook
def before_call(
    _context: schemathesis.HookContext, case: schemathesis.Case[Any], _kwargs: dict[str, Any]
) -> None:
    """In a scenario no key is used twice: it would be answered with what an earlier one
    made, and may have deleted.

    An empty parameter is not given, whatever its schema says of the empty text. A blank
    is as wrong as any other text.
    """
    case.query = {name: " " if value == "" else value for name, value in (case.query or {}).items()}
    if (
        case.meta
        and case.meta.phase.name is TestPhase.STATEFUL
        and "Idempotency-Key" in case.headers
    ):
        case.headers["Idempotency-Key"] = uuid4().hex

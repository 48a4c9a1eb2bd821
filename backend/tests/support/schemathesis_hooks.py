"""Hooks that teach schemathesis those of our rules that no JSON schema can express."""

from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import schemathesis
from schemathesis.generation.meta import TestPhase

LONGEST_QUERY = 15_000


@schemathesis.hook
def filter_body(_context: schemathesis.HookContext, body: Any) -> bool:
    """Skip bodies in which a text begins or ends with white space.

    The application removes such white space before it checks the length. So a text may
    be valid although it is too long for its schema.
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
    """Replace empty parameters with a space, and each idempotency key with a new key.

    An empty parameter counts as missing, even if its schema says otherwise. A space is
    checked like any other text. In a scenario, no key may be used twice: the second
    request would get the response to the first, whose object may have been deleted.
    """
    case.query = {name: " " if value == "" else value for name, value in (case.query or {}).items()}
    if (
        case.meta
        and case.meta.phase.name is TestPhase.STATEFUL
        and "Idempotency-Key" in case.headers
    ):
        case.headers["Idempotency-Key"] = uuid4().hex

"""Stripe's search query language: https://docs.stripe.com/search#search-query-language.

An example is `email:"ada@example.com" AND metadata["plan"]:"pro" -created<1700000000`.
Clauses are joined by AND or by OR, never by both. `:` means equality, and `~` matches a
part of the text. `<`, `>`, `<=` and `>=` compare numbers. `null` stands for a missing
value, and a leading `-` negates a clause.
"""

import base64
import re
from collections.abc import Callable
from typing import Any

from simulator.objects import Object
from simulator.protocol.errors import StripeError
from simulator.protocol.lists import DEFAULT_LIMIT
from simulator.protocol.parameters import Params
from simulator.state.work import Work

Test = Callable[[Object], bool]

_CLAUSE = re.compile(
    r"""\s*(?P<no>-)?(?P<field>[a-z_][a-z0-9_.]*)(\[(?P<quote>["'])(?P<key>.+?)(?P=quote)\])?\s*"""
    r"""(?P<operator>:|~|<=|>=|<|>)\s*(?P<value>"(\\.|[^"\\])*"|'(\\.|[^'\\])*'|null|-?[\w.]+)\s*"""
)
_JOINT = re.compile(r"(AND|OR)\b|", re.IGNORECASE)
MAX_CLAUSES = 10
MIN_SUBSTRING = 3


def search(work: Work, params: Params, kind: str, url: str, fields: set[str]) -> Object:
    """Return the response of `…/search`, newest first.

    `fields` are the fields that Stripe allows in searches for this kind of object.
    """
    test = _parse(params["query"], fields)
    limit = params.get("limit", DEFAULT_LIMIT)
    found = [obj for obj in work.all(kind) if test(obj)][::-1]
    start = _offset(params.get("page"))
    data = found[start : start + limit]
    more = len(found) > start + limit
    following = base64.urlsafe_b64encode(str(start + limit).encode()).decode() if more else None
    return {
        "object": "search_result",
        "data": data,
        "has_more": more,
        "next_page": following,
        "url": url,
    }


def _offset(page: str | None) -> int:
    try:
        return int(base64.urlsafe_b64decode(page.encode())) if page else 0
    except ValueError as error:
        raise StripeError("Invalid page.", param="page") from error


def _parse(query: str, fields: set[str]) -> Test:
    tests: list[Test] = []
    joints: set[str] = set()
    place = 0
    while place < len(query):
        clause = _CLAUSE.match(query, place)
        if clause is None:
            raise _bad(f"unable to read it from «{query[place : place + 40]}» on")
        tests.append(_test(clause, fields))
        joint = _JOINT.match(query, clause.end())
        assert joint  # a clause without a value would not have matched
        place = joint.end()
        if place < len(query) or joint[0]:
            joints.add((joint[0] or "AND").upper())
    if not tests or len(joints) > 1 or len(tests) > MAX_CLAUSES:
        raise _bad(f"it takes 1 to {MAX_CLAUSES} clauses, joined by AND or by OR but not by both")
    combine = any if "OR" in joints else all
    return lambda obj: combine(test(obj) for test in tests)


def _test(clause: re.Match[str], fields: set[str]) -> Test:
    name, key, operator = clause["field"], clause["key"], clause["operator"]
    if name not in fields or (name == "metadata") != (key is not None):
        raise _bad(f"the field `{name}` cannot be searched by")
    wanted = _literal(clause["value"])
    compare = _comparison(operator, wanted, clause["value"])

    def test(obj: Object) -> bool:
        value: Any = obj
        for part in name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if key is not None:
            value = (value or {}).get(key)
        return compare(value) != bool(clause["no"])

    return test


def _literal(text: str) -> str | None:
    if text == "null":
        return None
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text[0] in "\"'" else text


def _comparison(operator: str, wanted: str | None, text: str) -> Callable[[Any], bool]:
    if operator == ":":
        return lambda value: (
            value is None if wanted is None else _as_text(value).lower() == wanted.lower()
        )
    if wanted is None:
        raise _bad("null can only be compared by `:`")
    if operator == "~":
        if len(wanted) < MIN_SUBSTRING:
            raise _bad(f"a part of a text has at least {MIN_SUBSTRING} characters")
        return lambda value: value is not None and wanted.lower() in _as_text(value).lower()
    try:
        bound = int(wanted)
    except ValueError as error:
        raise _bad(f"{text} is no number") from error
    orders: dict[str, Callable[[int], bool]] = {
        "<": lambda value: value < bound,
        ">": lambda value: value > bound,
        "<=": lambda value: value <= bound,
        ">=": lambda value: value >= bound,
    }
    return lambda value: isinstance(value, int) and orders[operator](value)


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _bad(why: str) -> StripeError:
    return StripeError(
        f"We were unable to parse your search query: {why}. See "
        "https://docs.stripe.com/search#search-query-language.",
        param="query",
    )

"""Paginated lists, newest first."""

from collections.abc import Callable, Iterator
from itertools import islice

from simulator.objects import Object
from simulator.protocol.errors import StripeError, missing_object
from simulator.protocol.parameters import Params
from simulator.state.work import Work

DEFAULT_LIMIT, MAX_LIMIT = 10, 100

Test = Callable[[Object], bool]


def list_of(url: str, data: list[Object], *, has_more: bool = False) -> Object:
    return {"object": "list", "data": data, "has_more": has_more, "url": url}


def list_page(
    work: Work,
    params: Params,
    kind: str,
    url: str,
    where: dict[str, str] | None = None,
    *tests: Test,
) -> Object:
    """Return the page that `limit`, `starting_after` and `ending_before` ask for.

    `where` holds indexed paths with their values. The objects that match are then
    checked with `tests`, and only objects that pass all tests are listed. A `created`
    filter is applied if the call has one.
    """
    if "created" in params:
        tests = (*tests, created_within(params))
    limit, cursor, backwards = _cursor(params)
    rows = work.store.tables[kind].rows
    ids = work.ids(kind, **(where or {}))
    if cursor and cursor not in rows:
        raise missing_object(kind, cursor, "ending_before" if backwards else "starting_after")
    if cursor:  # the cursor's object may no longer match the filters
        place = rows[cursor].sequence
        ids = [
            i for i in ids if (rows[i].sequence > place if backwards else rows[i].sequence < place)
        ]
    objects = (work.get(kind, i) for i in (ids if backwards else reversed(ids)))
    passing = (
        obj for obj in objects if not obj.get("deleted") and all(test(obj) for test in tests)
    )
    return _cut(passing, limit, url, backwards=backwards)


def page_of(params: Params, kind: str, url: str, objects: list[Object]) -> Object:
    """Return a page of the given objects, which are in the order of the list."""
    limit, cursor, backwards = _cursor(params)
    ordered = objects[::-1] if backwards else objects
    if cursor:
        places = [place for place, obj in enumerate(ordered) if obj["id"] == cursor]
        if not places:
            raise missing_object(kind, cursor, "ending_before" if backwards else "starting_after")
        ordered = ordered[places[0] + 1 :]
    return _cut(iter(ordered), limit, url, backwards=backwards)


def _cut(objects: Iterator[Object], limit: int, url: str, *, backwards: bool) -> Object:
    found = list(islice(objects, limit + 1))
    data = found[:limit]
    return list_of(url, data[::-1] if backwards else data, has_more=len(found) > limit)


def _cursor(params: Params) -> tuple[int, str | None, bool]:
    """Return the limit, the cursor's id, and whether the page comes before that id."""
    after, before = params.get("starting_after"), params.get("ending_before")
    if after and before:
        raise StripeError(
            "You may only specify one of these parameters: starting_after, ending_before."
        )
    return _limit(params), before or after, bool(before)


def _limit(params: Params) -> int:
    limit: int = params.get("limit", DEFAULT_LIMIT)
    if limit < 1:
        raise StripeError(
            "This value must be greater than or equal to 1.",
            code="parameter_invalid_integer",
            param="limit",
        )
    if limit > MAX_LIMIT:
        raise StripeError(
            f"This value must be less than or equal to {MAX_LIMIT} (it currently is '{limit}').",
            code="parameter_invalid_integer",
            param="limit",
        )
    return limit


def created_within(params: Params, name: str = "created") -> Test:
    """Return a test for an exact time, or for `gt`, `gte`, `lt` and `lte`."""
    wanted = params.whole(name)
    if not isinstance(wanted, dict):
        return lambda obj: obj[name] == wanted
    bounds = {
        "gt": lambda value, bound: value > bound,
        "gte": lambda value, bound: value >= bound,
        "lt": lambda value, bound: value < bound,
        "lte": lambda value, bound: value <= bound,
    }
    return lambda obj: all(bounds[key](obj[name], bound) for key, bound in wanted.items())


def equals(params: Params, *names: str) -> list[Test]:
    """Return a test of fields that must equal the parameters with the same names.

    The test ignores the parameters that were not sent.
    """
    wanted = {name: params[name] for name in names if name in params}
    return [lambda obj: all(obj.get(name) == value for name, value in wanted.items())]

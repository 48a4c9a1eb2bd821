"""Rules for the query string: unknown names are refused, and empty parameters are
ignored.
"""

import difflib
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_plus

from fastapi.dependencies.models import Dependant
from fastapi.security import APIKeyQuery
from pydantic import AliasChoices, AliasPath, BaseModel

from app.core.errors import Unprocessable
from app.core.schemas import model_of
from app.platform.problems import PLAIN_NAME, field_errors

MAX_ERRORS = 10  # ten errors are enough, because the search for similar names takes time
MAX_NAME = 64  # characters to compare
CUTOFF = 0.6  # for difflib; `catgory` and `category` have a similarity of 0.93
EXTRA = "extra_forbidden"  # the error type that pydantic uses for an unknown field of a body


def names_of(
    dependant: Dependant, openapi_extra: dict[str, Any] | None = None
) -> frozenset[str] | None:
    """Return the query parameters that a route accepts, or `None` if it accepts any."""
    documented = (openapi_extra or {}).get("parameters", [])
    names = {parameter["name"] for parameter in documented if parameter.get("in") == "query"}
    waiting = [dependant]
    while waiting:
        current = waiting.pop()
        waiting += current.dependencies
        if isinstance(current.call, APIKeyQuery):
            names.add(current.call.model.name)
        for field in current.query_params:
            model = model_of(field.field_info.annotation)
            if model is None:
                names |= _aliases(field.field_info) or {field.alias}
            elif model.model_config.get("extra") == "allow":
                return None
            else:
                names.update(_names_in(model))
    return frozenset(names)


def _names_in(model: type[BaseModel]) -> Iterator[str]:
    by_name = model.model_config.get("populate_by_name") or model.model_config.get(
        "validate_by_name"
    )
    for name, field in model.model_fields.items():
        aliases = _aliases(field)
        yield from aliases
        if by_name or not aliases:
            yield name


def _aliases(field: Any) -> set[str]:
    alias = field.validation_alias or field.alias
    choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
    firsts = (choice.path[0] if isinstance(choice, AliasPath) else choice for choice in choices)
    return {str(first) for first in firsts if first}


def without_empty(query: bytes) -> bytes:
    """Return the query without the parameters that have no value."""
    return b"&".join(part for part in query.split(b"&") if part.partition(b"=")[2])


def require_known(query: bytes, known: frozenset[str]) -> None:
    """Raise `Unprocessable` for names that the route does not accept.

    The error suggests the most similar known name. A name with an empty value is
    checked, too, because `?catgory=` is the same mistake as `?catgory=news`.
    """
    given = dict.fromkeys(_name(part) for part in query.split(b"&") if part)
    if unknown := [name for name in given if name not in known]:
        raise query_refusal(unknown[:MAX_ERRORS], known)


def query_refusal(unknown: list[str], known: frozenset[str]) -> Unprocessable:
    hints = [_hint(name, known) for name in unknown]
    found = zip(unknown, hints, strict=True)
    errors = [{"loc": ("query", name), "msg": hint, "type": EXTRA} for name, hint in found]
    return Unprocessable(hints[0], errors=field_errors(errors))


def _name(part: bytes) -> str:
    return unquote_plus(part.partition(b"=")[0].decode("latin-1"))


def _hint(name: str, known: frozenset[str]) -> str:
    """Return an error message that suggests what the client may have meant.

    The unknown name is repeated only if it looks like a parameter name, because
    responses must not repeat arbitrary input.
    """
    named = (
        f"no query parameter `{name}`"
        if PLAIN_NAME.fullmatch(name)
        else "no query parameter of this name"
    )
    lower = {one.lower(): one for one in sorted(known)}
    if near := difflib.get_close_matches(name[:MAX_NAME].lower(), lower, n=1, cutoff=CUTOFF):
        return f"This route has {named}. Did you mean `{lower[near[0]]}`?"
    takes = (
        "It accepts " + ", ".join(f"`{one}`" for one in sorted(known))
        if known
        else "It accepts none"
    )
    return f"This route has {named}. {takes}."

"""Who asks. `auth` publishes it on the request; the layers below it read it without knowing `auth`."""

from collections.abc import Callable
from typing import Any, TypeVar

from starlette.requests import HTTPConnection

Dependency = TypeVar("Dependency", bound=Callable[..., Any])


def optional(dependency: Dependency) -> Dependency:
    """Mark a dependency that gives a user or `None`. OpenAPI says of its routes that a token may be left out."""
    dependency.caller = "optional"  # type: ignore[attr-defined]
    return dependency


def required(dependency: Dependency) -> Dependency:
    """Mark a dependency that refuses requests without a user, although it stands on one that does not."""
    dependency.caller = "required"  # type: ignore[attr-defined]
    return dependency


def is_optional(dependency: Any) -> bool:
    return getattr(dependency, "caller", None) == "optional"


def is_required(dependency: Any) -> bool:
    return getattr(dependency, "caller", None) == "required"


def publish(connection: HTTPConnection, principal: str) -> None:
    """Say who the caller is, for example `user:42`."""
    connection.state.principal = principal


def viewer(connection: HTTPConnection) -> str | None:
    """The principal of this request; None for the public."""
    principal: str | None = getattr(connection.state, "principal", None)
    return principal

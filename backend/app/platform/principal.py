"""The caller of a request.

`auth` publishes the caller on the request. The layers below `auth` read it without
importing `auth`.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from starlette.requests import HTTPConnection

Dependency = TypeVar("Dependency", bound=Callable[..., Any])


def optional(dependency: Dependency) -> Dependency:
    """Mark a dependency that returns a user or `None`. OpenAPI then says that its
    routes accept requests without a token.
    """
    dependency.caller = "optional"  # type: ignore[attr-defined]
    return dependency


def required(dependency: Dependency) -> Dependency:
    """Mark a dependency that refuses requests without a user, although it depends on
    one that accepts them.
    """
    dependency.caller = "required"  # type: ignore[attr-defined]
    return dependency


def is_optional(dependency: Any) -> bool:
    return getattr(dependency, "caller", None) == "optional"


def is_required(dependency: Any) -> bool:
    return getattr(dependency, "caller", None) == "required"


def publish(connection: HTTPConnection, principal: str) -> None:
    """Record the caller of this request, for example `user:42`."""
    connection.state.principal = principal


def viewer(connection: HTTPConnection) -> str | None:
    """Return the caller of this request, or `None` for an anonymous one."""
    principal: str | None = getattr(connection.state, "principal", None)
    return principal

"""The caller of a request.

`auth` stores the caller in the state of the request. Layers below `auth` read the
caller from there, without importing `auth`.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from starlette.requests import HTTPConnection

Dependency = TypeVar("Dependency", bound=Callable[..., Any])


def optional(dependency: Dependency) -> Dependency:
    """Mark a dependency that returns a user or `None`.

    OpenAPI then states that routes with this dependency accept requests without a
    token.
    """
    dependency.caller = "optional"  # type: ignore[attr-defined]
    return dependency


def required(dependency: Dependency) -> Dependency:
    """Mark a dependency that refuses requests without a user.

    Without this mark, OpenAPI would describe the token as optional, because the
    dependency itself depends on an optional dependency.
    """
    dependency.caller = "required"  # type: ignore[attr-defined]
    return dependency


def fresh(dependency: Dependency) -> Dependency:
    """Mark a dependency whose routes always look up the caller in the database.

    IDENTITY_CACHE_SECONDS does not apply to these routes.
    """
    dependency.is_fresh = True  # type: ignore[attr-defined]
    return dependency


def is_fresh(dependency: Any) -> bool:
    return getattr(dependency, "is_fresh", False)


def is_optional(dependency: Any) -> bool:
    return getattr(dependency, "caller", None) == "optional"


def is_required(dependency: Any) -> bool:
    return getattr(dependency, "caller", None) == "required"


def publish_principal(connection: HTTPConnection, principal: str) -> None:
    """Store the caller, for example `user:42`, in the state of this request."""
    connection.state.principal = principal


def current_viewer(connection: HTTPConnection) -> str | None:
    """Return the caller of this request, or `None` for an anonymous caller."""
    principal: str | None = getattr(connection.state, "principal", None)
    return principal

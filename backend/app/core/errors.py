"""Errors that features raise.

Each class has a stable `code`, on which clients rely. One handler renders all errors.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, TypeVar


class AppError(Exception):
    """Base class of every error that a client receives.

    `headers` are added to the response. `members` become top-level fields of the
    response body.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    detail: ClassVar[str] = (
        "Something failed on our side. Try again. If it fails again, report the request id."
    )
    commits: ClassVar[bool] = False
    """Set this to commit changes made before the error.

    For example, a wrong password must be counted even though the request is refused.
    """
    extra: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    """JSON schemas of this error's `members`, by name.

    OpenAPI shows the schemas and their `examples`. If the members differ between the
    instances of a class, the class can define `example`, which returns the instance
    that OpenAPI shows.
    """

    def __init__(
        self,
        detail: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        self.message = detail or self.detail
        super().__init__(self.message)
        self.headers = dict(headers or {})
        self.members = dict(members or {})


class BadRequest(AppError):
    status = 400
    code = "bad_request"
    detail = "The server cannot understand this request."


class Unauthenticated(AppError):
    """The request has no signed-in user (401).

    The response includes `WWW-Authenticate` (RFC 9110, 11.6.1).
    """

    status = 401
    code = "not_authenticated"
    detail = (
        "This request needs a signed-in user. Sign in and send the access token as a bearer token."
    )

    def __init__(
        self, detail: str | None = None, *, members: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer"}, members=members)


class Forbidden(AppError):
    status = 403
    code = "forbidden"
    detail = "You are not allowed to do this."


class NotFound(AppError):
    status = 404
    code = "not_found"
    detail = "This resource does not exist."


class Conflict(AppError):
    status = 409
    code = "conflict"
    detail = "This conflicts with the current state of the resource. Read it again, then decide."


class PreconditionFailed(AppError):
    status = 412
    code = "stale"
    detail = "This resource has changed since you read it. Read it again, then decide."


class Unprocessable(AppError):
    """A well-formed request that cannot be carried out.

    `errors` has the same shape as in the response to an invalid body.
    """

    status = 422
    code = "validation_error"
    detail = "Some of the input is invalid. `errors` names the fields and the reasons."

    def __init__(
        self, detail: str | None = None, *, errors: list[dict[str, Any]] | None = None
    ) -> None:
        super().__init__(detail, members={"errors": errors or []})


class TooManyRequests(AppError):
    """A limit was exceeded.

    Limits are checked before the request changes anything else. The count of attempts
    is committed even though the request is refused.
    """

    status = 429
    code = "too_many_requests"
    detail = "Too many attempts. Wait before you try again."
    commits = True


class Unavailable(AppError):
    """A service that we depend on is unavailable (503). The request changed nothing.

    `Retry-After` is in seconds.
    """

    status = 503
    code = "unavailable"
    detail = "A service that we depend on is unavailable. Try again in a moment."

    def __init__(self, detail: str | None = None, *, retry_after: int = 5) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after)})


def all_errors(base: type[AppError] = AppError) -> list[type[AppError]]:
    """Return all error classes that imported modules have declared."""
    return [base, *(error for sub in base.__subclasses__() for error in all_errors(sub))]


Callee = TypeVar("Callee", bound=Callable[..., Any])


def raises(*errors: type[AppError]) -> Callable[[Callee], Callee]:
    """Declare the errors that a client may get from a route or a dependency.

    OpenAPI lists these errors, and tests check that no other errors occur.
    """

    def mark(callee: Callee) -> Callee:
        callee.raises = errors  # type: ignore[attr-defined]
        return callee

    return mark

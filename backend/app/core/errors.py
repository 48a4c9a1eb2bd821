"""Errors that features raise. Each class is one stable `code` of the contract; one handler renders them all."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, TypeVar


class AppError(Exception):
    """Base of everything that a client is told.

    `headers` and `members` go into the answer: headers as they are, members as top-level fields of the problem.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    detail: ClassVar[str] = "Something failed on our side."
    commits: ClassVar[bool] = False
    """Whether what was written before it was raised is kept: a counter of wrong tries must outlive the refusal."""
    extra: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    """JSON schemas of the `members` that come with this error, by name: OpenAPI shows them, with their `examples`.

    A class whose instances differ in more may have a method `example`, which gives one for OpenAPI to show.
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
    detail = "The request cannot be understood."


class Unauthenticated(AppError):
    """401, always with `WWW-Authenticate` (RFC 9110, 11.6.1)."""

    status = 401
    code = "not_authenticated"
    detail = "Sign in and send the access token as a bearer token."

    def __init__(self, detail: str | None = None, *, members: Mapping[str, Any] | None = None) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer"}, members=members)


class Forbidden(AppError):
    status = 403
    code = "forbidden"
    detail = "You may not do this."


class NotFound(AppError):
    status = 404
    code = "not_found"
    detail = "There is no such resource."


class Conflict(AppError):
    status = 409
    code = "conflict"
    detail = "This does not fit what is already there."


class PreconditionFailed(AppError):
    status = 412
    code = "stale"
    detail = "This has changed since you read it."


class Unprocessable(AppError):
    """A well-formed request that cannot be carried out. `errors` has the shape of a validation error."""

    status = 422
    code = "validation_error"
    detail = "Some of the input cannot be taken."

    def __init__(self, detail: str | None = None, *, errors: list[dict[str, Any]] | None = None) -> None:
        super().__init__(detail, members={"errors": errors or []})


class TooManyRequests(AppError):
    """A limit is looked at before anything else is written; what was noted of the try itself is kept."""

    status = 429
    code = "too_many_requests"
    detail = "Too many tries. Wait before the next one."
    commits = True


class Unavailable(AppError):
    """503 with `Retry-After` in seconds: something we need is away, and the request changed nothing."""

    status = 503
    code = "unavailable"
    detail = "Something we need is away. Try again in a moment."

    def __init__(self, detail: str | None = None, *, retry_after: int = 5) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after)})


def all_errors(base: type[AppError] = AppError) -> list[type[AppError]]:
    """Every error class declared so far."""
    return [base, *(error for sub in base.__subclasses__() for error in all_errors(sub))]


Callee = TypeVar("Callee", bound=Callable[..., Any])


def raises(*errors: type[AppError]) -> Callable[[Callee], Callee]:
    """Say on a route or a dependency which errors a client may meet there: OpenAPI lists them, tests hold us to it."""

    def mark(callee: Callee) -> Callee:
        callee.raises = errors  # type: ignore[attr-defined]
        return callee

    return mark

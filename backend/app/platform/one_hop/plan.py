"""The plan of a route, which handles a request in one thread."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

from fastapi import Request, Response
from fastapi.datastructures import DefaultPlaceholder
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError, ResponseValidationError
from fastapi.params import Form
from fastapi.utils import is_body_allowed_for_status_code

from app.db.database import get_db
from app.platform.requests.strict_request import raw_body

from .steps import Solving, Step, Unplanned, call_directly, step_of

MODEL_OPTIONS = (
    "include",
    "exclude",
    "by_alias",
    "exclude_unset",
    "exclude_defaults",
    "exclude_none",
)


class Plan:
    """How the requests for one route are handled."""

    def __init__(self, route: Any, left_out: Callable[..., Any] | None) -> None:
        self._root = step_of(route.dependant, left_out)
        if self._root.run is not call_directly:
            raise Unplanned  # an endpoint with `yield` streams its response
        steps = list(_steps(self._root))
        self.uses_database = any(step.call is get_db for step in steps)
        self.uses_raw_body = any(step.call is raw_body for step in steps)
        self._overrides = route.dependency_overrides_provider
        read = [step.reads for step in steps if step.reads]
        self._takes_response = any(reads.response_param_name for reads in read)
        single = [field for reads in read for field in reads.body_params]
        self._embeds = not any(field is route.body_field for field in single)
        self._shape = route.response_field
        self._status = route.status_code
        self._options = {name: getattr(route, f"response_model_{name}") for name in MODEL_OPTIONS}
        usual = isinstance(route.response_class, DefaultPlaceholder)
        self._response_class = route.response_class.value if usual else route.response_class
        self._writes_json = usual and self._shape is not None

    def is_for(self, request: Request) -> bool:
        """Return whether the plan can handle this request."""
        overrides = self._overrides and self._overrides.dependency_overrides
        return not overrides and not request.scope.get("fastapi.telemetry")

    def run(self, request: Request, body: Any, finish: Callable[[Response], Response]) -> Response:
        """Return the response after committing the transaction.

        `finish` gets the response while the transaction is still open.
        """
        response: Response | None = None
        with ExitStack() as opened:
            solving = Solving(request, body, self._embeds, opened)
            if self._takes_response:
                solving.response = _response_to_fill()
            values = solving.values_of(self._root)
            if values is None:
                raise RequestValidationError(solving.errors, body=body)
            response = finish(self._respond(self._root.call(**values), solving))
        if response is None:
            raise RuntimeError("A dependency with `yield` caught an error and did not raise it.")
        return response

    def _respond(self, answer: Any, solving: Solving) -> Response:
        if isinstance(answer, Response):
            if answer.background is None:
                answer.background = solving.background
            return answer
        given = solving.response
        status = given.status_code or self._status
        options: dict[str, Any] = {"background": solving.background}
        if status:  # otherwise, the response class sets the status
            options["status_code"] = status
        content = self._content(answer)
        if self._writes_json:
            response = Response(content, media_type="application/json", **options)
        else:
            response = self._response_class(content, **options)
        if not is_body_allowed_for_status_code(response.status_code):
            response.body = b""
        response.raw_headers.extend(given.raw_headers)
        return response

    def _content(self, answer: Any) -> Any:
        if self._shape is None:
            return jsonable_encoder(answer)
        value, errors = self._shape.validate(answer, {}, loc=("response",))
        if errors:
            raise ResponseValidationError(errors=errors, body=answer)
        write = self._shape.serialize_json if self._writes_json else self._shape.serialize
        return write(value, **self._options)


def plan_of(route: Any, left_out: Callable[..., Any] | None = None) -> Plan | None:
    """Return the plan of a route, or `None` if FastAPI must handle its requests.

    The plan does not run the dependency `left_out`, which returns no value. The caller
    does the work of this dependency.
    """
    streams = route.is_sse_stream or route.is_json_stream
    if streams or (route.body_field and isinstance(route.body_field.field_info, Form)):
        return None
    try:
        return Plan(route, left_out)
    except Unplanned:
        return None


def _steps(step: Step) -> Iterator[Step]:
    yield step
    for one in step.before:
        yield from _steps(one)


def _response_to_fill() -> Response:
    """Return the object on which functions set headers and a status, as in FastAPI."""
    response = Response()
    del response.headers["content-length"]
    response.status_code = None  # type: ignore[assignment]
    return response

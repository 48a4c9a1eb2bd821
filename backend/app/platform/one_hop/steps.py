"""The dependencies of a planned route: what each dependency needs, and how it is
called.
"""

import inspect
from collections.abc import Callable, Coroutine
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import solve_dependencies

from app.db.database import get_db, transaction
from app.platform.requests.strict_request import raw_body

from .parameters import Parameters, parameters_of

Values = dict[str, Any]
Run = Callable[["Solving", Callable[..., Any], Values], Any]

MISSING = object()
NOWHERE = Response()  # for routes in which no function uses the response
del NOWHERE.headers["content-length"]
NOWHERE.status_code = None  # type: ignore[assignment] # as FastAPI does it


class Unplanned(Exception):
    """A part of the route needs FastAPI's own handler."""


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """A dependency, and the dependencies that must run before it."""

    call: Callable[..., Any]
    run: Run
    name: str | None  # the name of the parameter that gets the value
    key: tuple[Any, ...]
    before: tuple["Step", ...]
    # The parts of the request that FastAPI must read for this step, or `None` if the
    # step needs at most the request itself.
    reads: Dependant | None
    parameters: Parameters | None  # a faster way to read these parts, if possible
    request_name: str | None
    use_cache: bool
    is_known_once_run: bool  # whether the step and its dependencies run only once


def step_of(dependant: Dependant, left_out: Callable[..., Any] | None) -> Step:
    """Return the step of a dependency or an endpoint. Raises `Unplanned`."""
    unusual = (
        dependant.own_oauth_scopes,
        dependant.parent_oauth_scopes,
        dependant.security_scopes_param_name,
        dependant.websocket_param_name,
        dependant.concurrency,
    )
    if any(unusual) or dependant.call is None:
        raise Unplanned
    needed = [one for one in dependant.dependencies if one.call is not left_out]
    before = tuple(step_of(one, left_out) for one in needed)
    reads = replace(dependant, dependencies=[]) if _reads_more(dependant) else None
    return Step(
        call=dependant.call,
        run=_way_to_run(dependant),
        name=dependant.name,
        key=(dependant.call, dependant.scope),
        before=before,
        reads=reads,
        parameters=parameters_of(reads) if reads else None,
        request_name=dependant.request_param_name,
        use_cache=dependant.use_cache,
        is_known_once_run=dependant.use_cache and all(one.is_known_once_run for one in before),
    )


def _reads_more(dependant: Dependant) -> bool:
    return bool(
        dependant.path_params
        or dependant.query_params
        or dependant.header_params
        or dependant.cookie_params
        or dependant.body_params
        or dependant.http_connection_param_name
        or dependant.response_param_name
        or dependant.background_tasks_param_name
    )


@dataclass(slots=True)
class Solving:
    """The dependencies of one request, while they run."""

    request: Request
    body: Any
    embeds: bool  # whether the body is an object with a field for each parameter
    opened: ExitStack
    response: Response = NOWHERE
    background: Any = None
    errors: list[Any] = field(default_factory=list)
    found: dict[tuple[Any, ...], Any] = field(default_factory=dict)

    def values_of(self, step: Step) -> Values | None:
        """Run the dependencies of the step, and return the step's arguments.

        Returns `None` if some input is invalid. `errors` then describes the invalid
        input. Dependencies that do not need this input have run nevertheless, as they
        do in FastAPI.
        """
        values: Values = {}
        valid = True
        for one in step.before:
            if (value := self._value_of(one)) is MISSING:
                valid = False
            elif one.name is not None:
                values[one.name] = value
        if step.parameters is not None and (found := step.parameters.read(self.request)):
            values.update(found)
        elif step.reads is not None:
            valid = self._read(step.reads, values) and valid
        elif step.request_name is not None:
            values[step.request_name] = self.request
        return values if valid else None

    def _value_of(self, step: Step) -> Any:
        known = self.found.get(step.key, MISSING) if step.use_cache else MISSING
        if known is not MISSING and step.is_known_once_run:
            return known
        values = self.values_of(step)
        if values is None:
            return MISSING
        if known is MISSING:
            known = step.run(self, step.call, values)
            self.found.setdefault(step.key, known)
        return known

    def _read(self, reads: Dependant, values: Values) -> bool:
        solved = finished(
            solve_dependencies(
                request=self.request,
                dependant=reads,
                body=self.body,
                background_tasks=self.background,
                response=self.response,
                async_exit_stack=self.request.scope["fastapi_inner_astack"],
                embed_body_fields=self.embeds,
            )
        )
        self.background = solved.background_tasks
        self.errors += solved.errors
        values.update(solved.values)
        return not solved.errors


def finished(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Return the result of a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    coroutine.close()
    raise RuntimeError(f"{coroutine!r} needs an event loop, but this thread has none")


def _way_to_run(dependant: Dependant) -> Run:
    call = dependant.call
    if call is get_db:
        return _open_transaction
    if call is raw_body or type(call).__module__.startswith("fastapi.security"):
        return _run_to_its_end
    shown = [inspect.unwrap(_without_partial(call)), type(call).__call__]
    if any(inspect.iscoroutinefunction(one) or inspect.isasyncgenfunction(one) for one in shown):
        raise Unplanned
    if any(inspect.isgeneratorfunction(one) for one in shown):
        if dependant.scope != "function":
            raise Unplanned
        return _enter
    return call_directly


def _without_partial(call: Any) -> Any:
    while isinstance(call, partial):
        call = call.func
    return call


def call_directly(_solving: Solving, call: Callable[..., Any], values: Values) -> Any:
    return call(**values)


def _enter(solving: Solving, call: Callable[..., Any], values: Values) -> Any:
    return solving.opened.enter_context(contextmanager(call)(**values))


def _open_transaction(solving: Solving, _get_db: Callable[..., Any], values: Values) -> Any:
    return solving.opened.enter_context(transaction(**values))


def _run_to_its_end(_solving: Solving, call: Callable[..., Any], values: Values) -> Any:
    return finished(call(**values))

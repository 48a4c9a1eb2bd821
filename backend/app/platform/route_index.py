"""Finds the route of a request by the segments of its path.

FastAPI compares a path with the pattern of one route after another. It compares a path
with the patterns of nested routers several times. For the last of 80 routes, this took
0.4 ms, which is more than the rest of a small request takes.
"""

import re
from collections.abc import Iterator
from functools import cached_property
from operator import attrgetter
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from starlette.convertors import (
    Convertor,
    FloatConvertor,
    IntegerConvertor,
    StringConvertor,
    UUIDConvertor,
)
from starlette.datastructures import URLPath
from starlette.routing import BaseRoute, Match, NoMatchFound, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from . import openapi_routes
from .monitoring.metrics import FOUND
from .routing import Route

# Parameters of these kinds never contain a slash, so each parameter fills exactly one
# segment.
IN_ONE_SEGMENT = {StringConvertor, IntegerConvertor, FloatConvertor, UUIDConvertor}


class Entry:
    """A route in the index, with all attributes of the route that a request needs.

    FastAPI looks up each attribute of its `RouteContext` through several objects.
    """

    __slots__ = (
        "app",
        "context",
        "convertors",
        "endpoint",
        "is_alone",
        "methods",
        "number",
        "path",
        "pattern",
        "route",
    )

    def __init__(self, number: int, context: RouteContext) -> None:
        self.number = number  # position in the order of registration
        self.context = context
        self.is_alone = _stands_alone(context)
        self.path = context.path
        if self.is_alone:
            self.app: ASGIApp = context.app
            self.convertors: dict[str, Convertor[Any]] = context.param_convertors
            self.endpoint = context.endpoint
            self.methods = frozenset(context.methods or ())
            self.pattern: re.Pattern[str] = context.path_regex
            self.route = context.original_route


def install(app: FastAPI) -> None:
    """Insert an index of all routes before the routes themselves.

    FastAPI finds routes that are added later as usual.
    """
    app.router.routes.insert(0, RouteIndex(app.routes))


class RouteIndex(BaseRoute):
    """Calls the first matching route, in the order of registration.

    The index leaves everything unusual to FastAPI: a path without a route, a method
    that no route of the path has, routes that are not FastAPI's, and requests that are
    traced.
    """

    def __init__(self, routes: list[BaseRoute]) -> None:
        self._routes = routes

    @cached_property
    def _tree(self) -> "_Tree":
        """Build the tree on the first request, when FastAPI has prepared its routes."""
        return _Tree(iter_route_contexts([one for one in self._routes if one is not self]))

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "http" or scope.get("root_path") or scope.get("fastapi.telemetry"):
            return Match.NONE, {}
        path = scope["path"]
        if path.endswith("\n"):  # route patterns ignore a trailing newline
            return Match.NONE, {}
        for entry in self._tree.candidates(path):
            if not entry.is_alone:
                if entry.context.matches(scope)[0] is not Match.NONE:
                    break
            elif scope["method"] in entry.methods and (match := entry.pattern.match(path)):
                kinds = entry.convertors
                given = match.groupdict().items()
                return Match.FULL, {
                    "endpoint": entry.endpoint,
                    "path_params": {name: kinds[name].convert(text) for name, text in given},
                    "route": entry.route,
                    FOUND: entry,
                }
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await scope[FOUND].app(scope, receive, send)

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        for context in self._tree.named.get(name, ()):
            try:
                path: URLPath = context.url_path_for(name, **path_params)
            except NoMatchFound:
                continue
            return path
        raise NoMatchFound(name, path_params)


class _Tree:
    """A tree of all paths by their segments, which also stores the order of
    registration.
    """

    def __init__(self, routes: Iterator[RouteContext]) -> None:
        self.named: dict[str, list[RouteContext]] = {}
        self._root = _Segment()
        self._anywhere: list[Entry] = []  # routes that may match a path of any length
        for number, context in enumerate(routes):
            if isinstance(context.original_route, WebSocketRoute):
                continue
            if context.name:
                self.named.setdefault(context.name, []).append(context)
            entry = Entry(number, context)
            segment = self._segment_of(entry) if entry.is_alone else None
            (segment.routes if segment else self._anywhere).append(entry)

    def _segment_of(self, entry: Entry) -> "_Segment | None":
        convertors = entry.convertors
        segment = self._root
        for part in str(entry.context.path_format).split("/"):
            names = [name for name in convertors if f"{{{name}}}" in part]
            if any(type(convertors[name]) not in IN_ONE_SEGMENT for name in names):
                return None
            segment = segment.parameter() if names else segment.literal(part)
        return segment

    def candidates(self, path: str) -> list[Entry]:
        found = [*self._anywhere, *self._root.at(path.split("/"), 0)]
        return sorted(found, key=attrgetter("number")) if len(found) > 1 else found


class _Segment:
    """A node in the tree of paths: the routes that end here, and the next segments."""

    def __init__(self) -> None:
        self.routes: list[Entry] = []
        self._literals: dict[str, _Segment] = {}
        self._parameter: _Segment | None = None

    def literal(self, text: str) -> "_Segment":
        return self._literals.setdefault(text, _Segment())

    def parameter(self) -> "_Segment":
        self._parameter = self._parameter or _Segment()
        return self._parameter

    def at(self, parts: list[str], depth: int) -> Iterator[Entry]:
        """Return the routes that may match the parts of the path after this depth."""
        if depth == len(parts):
            yield from self.routes
            return
        for segment in (self._literals.get(parts[depth]), self._parameter):
            if segment is not None:
                yield from segment.at(parts, depth + 1)


def _stands_alone(context: RouteContext) -> bool:
    """Return whether the route can be called without the routers around it.

    These routers only pass limits for forms to the route, and our own routes do not use
    these limits.
    """
    route = context.original_route
    if isinstance(route, Route):
        return True
    body = context.body_field if isinstance(route, APIRoute) else None
    return isinstance(route, APIRoute) and not (body and openapi_routes.is_form(body))

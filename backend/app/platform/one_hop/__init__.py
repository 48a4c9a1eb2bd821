"""Runs a request in one thread: its dependencies, its endpoint and its commit.

FastAPI runs each plain function in any free thread, so an ordinary request changes
threads five times. Each change costs 60 µs or more. While a request waits for its next
thread, it keeps its database connection.

A `Plan` is made once for each route, from what FastAPI knows about the route. FastAPI's
own code still reads and validates all parameters. A route with an unusual part has no
plan, and FastAPI handles its requests:

| Dependency, or endpoint | In a plan |
|---|---|
| `def`, a class, an object that can be called | yes |
| `def` with `yield` and `scope="function"` | yes |
| `db_dependency` | yes |
| a security scheme of FastAPI | yes, because it never waits |
| `RawBody` | yes, because the body has been read before |
| `def` with `yield` that outlives the response | no |
| `async def`, with or without `yield` | no, because it needs the event loop |
| forms and files, security scopes, limits of concurrency | no |

A request also goes through FastAPI while a test overrides dependencies, and while it is
traced.

`steps` runs one dependency, `parameters` reads the path and the query, `plan` runs a
whole request, and `threads` holds the threads.
"""

from .plan import Plan, plan_of
from .threads import request_threads

__all__ = ["Plan", "plan_of", "request_threads"]

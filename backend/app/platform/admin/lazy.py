"""The mount of the admin, which builds the site when the first request for it arrives.

Most processes never serve the admin, and the import takes a second and memory.
"""

from threading import Lock

from anyio import to_thread
from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.db.database import SAFE_METHODS
from app.platform import problems
from app.platform.monitoring.metrics import FOUND

from .places import ANY_PAGE, STATIC

MAX_FORM = 64_000  # bytes


class LazyAdmin:
    """The mounted admin. The build blocks one thread, but not the event loop."""

    def __init__(self) -> None:
        self._site: ASGIApp | None = None
        self._building = Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await send({"type": "websocket.close"})
            return
        if refused := _refusal(scope):
            await refused(scope, receive, send)
            return
        is_file = scope["path"].startswith("/admin/static/")
        scope[FOUND] = STATIC if is_file else ANY_PAGE
        site = self._site
        if site is None:
            site = await to_thread.run_sync(self._built)
        await site(scope, receive, send)

    def _built(self) -> ASGIApp:
        with self._building:
            if self._site is None:
                from .site import build_site

                self._site = build_site()
            return self._site


def _refusal(scope: Scope) -> Response | None:
    """Return the response to a request that the admin must not read.

    starlette-admin reads the whole body of a form before anything else. So a form
    without a length, or with a length that is too large, is refused.
    """
    if scope["method"] in SAFE_METHODS:
        return None
    size = Headers(scope=scope).get("content-length", "")
    if not size.isdecimal():
        return problems.of_status(411)
    return problems.of_status(413) if int(size) > MAX_FORM else None


def install_admin(app: FastAPI) -> None:
    """Mount the admin. Its address has no prefix, because it is for people."""
    app.add_api_route("/admin", _with_slash, include_in_schema=False)
    app.mount("/admin", LazyAdmin(), name="admin")


def _with_slash() -> Response:
    return RedirectResponse("/admin/", status_code=307)

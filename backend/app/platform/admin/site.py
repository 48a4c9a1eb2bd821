"""starlette-admin with our pages in it.

The design, the static files, the CSRF tokens and the flash messages come from
starlette-admin. Its own lists are slow on large tables: they count all rows, and each
page reads the rows of all earlier pages. Its handlers are coroutines, and its forms
write rows without the rules of the features. So the lists, the actions and the sign-in
are our own.
"""

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette_admin.base import BaseAdmin
from starlette_admin.views import CustomView

from app.core.keys import derive_key
from app.platform.templates import FOLDER

from . import acting, dashboard, exporting, pages, signing_in
from .calls import BASE, confirming_page, public_page, refusal, staff_page
from .registry import NoSuchPage
from .rendering import HEADERS

ROUTES = (
    ("/", "GET", staff_page(dashboard.show_dashboard)),
    ("/login", "GET", public_page(signing_in.show_sign_in)),
    ("/login", "POST", public_page(signing_in.sign_in, hashes=True)),
    ("/login/code", "POST", public_page(signing_in.answer)),
    ("/confirm", "GET", staff_page(signing_in.show_confirmation)),
    ("/confirm", "POST", confirming_page(signing_in.confirm)),
    ("/logout", "POST", public_page(signing_in.sign_out)),
    ("/list/{key}", "GET", staff_page(pages.show_list)),
    ("/row/{key}/{row_id}", "GET", staff_page(pages.show_row)),
    ("/act/{key}/{row_id}/{action}", "GET", staff_page(acting.show_action)),
    ("/act/{key}/{row_id}/{action}", "POST", staff_page(acting.act)),
    ("/tool/{key}", "GET", staff_page(acting.show_tool)),
    ("/tool/{key}", "POST", staff_page(acting.use_tool)),
    ("/export/audit", "GET", staff_page(exporting.show_export)),
    ("/export/audit", "POST", staff_page(exporting.export)),
)


def build_site() -> ASGIApp:
    """Return the application of the admin."""
    site = BaseAdmin(
        title="Liftoff",
        secret_key=derive_key("forms of the admin").hex(),
        index_view=CustomView(path="/", add_to_menu=False),
        static_dir=str(FOLDER / "admin" / "assets"),
        timezone_config=None,
    )
    static = [route for route in site.routes if getattr(route, "path", "") == "/static"]
    own = [Route(path, endpoint, methods=[method]) for path, method, endpoint in ROUTES]
    site.routes[:] = [*static, *own]
    return _application(site)


def _application(site: BaseAdmin) -> ASGIApp:
    site.mount_to(Starlette())
    # starlette-admin's own error page needs the address of the mount, which this
    # application does not have.
    site.app.add_exception_handler(HTTPException, _on_http_exception)
    return _Revalidated(site.app)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return refusal(request, NoSuchPage())


class _Revalidated:
    """Lets browsers keep our files, but makes them ask each time whether a file has
    changed.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start" and is_file:
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers["Cache-Control"] = "no-cache"
            await send(message)

        is_file = scope["path"].startswith(f"{BASE}/static/")
        await self._app(scope, receive, answer)

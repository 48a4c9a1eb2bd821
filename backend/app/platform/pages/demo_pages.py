"""The demo application, which stands in for a frontend until the project has one.

The application's built files are in `examples/web/dist`. Each of its pages is the same
HTML document, and the script in that document shows the content for the path. The
Content-Security-Policy allows only the application's own files and requests to this
API.
"""

from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.staticfiles import StaticFiles

from app.core.config import BACKEND, get_settings

BUILT = BACKEND / "examples" / "web" / "dist"
THIS_MACHINE = {"localhost", "127.0.0.1", "::1"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; form-action 'none'; base-uri 'self'; frame-ancestors 'none'"
)

start = APIRouter(include_in_schema=False)
router = APIRouter(prefix="/demo", include_in_schema=False)
files = StaticFiles(directory=BUILT / "assets", check_dir=False)


@start.get("/")
def lead_to_the_demo() -> Response:
    return RedirectResponse(f"{get_settings().api_prefix}/demo")


@router.get("")
@router.get("/{path:path}")
def show_demo(request: Request) -> Response:
    if (better := _by_its_own_name(request)) is not None:
        return RedirectResponse(better)
    settings = get_settings()
    google = "yes" if settings.google_client_id else "no"
    page = (
        (BUILT / "index.html")
        .read_text("utf-8")
        .replace("/demo/", f"{settings.api_prefix}/demo/")
        .replace("<html ", f'<html data-google="{google}" ')
    )
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}
    return Response(page, media_type="text/html", headers=headers)


def _by_its_own_name(request: Request) -> str | None:
    """Return the URL of this page on the host of PUBLIC_URL, if the request names
    another host.

    Cookies belong to the host name under which they were set. Stripe, Google and the
    links in emails lead to PUBLIC_URL. So a page that was opened under another name of
    this machine is redirected.
    """
    own, asked = urlsplit(get_settings().public_url or ""), request.url
    same_place = {own.hostname, asked.hostname} <= THIS_MACHINE and (own.scheme, own.port) == (
        asked.scheme,
        asked.port,
    )
    return (
        str(asked.replace(netloc=own.netloc))
        if same_place and own.hostname != asked.hostname
        else None
    )

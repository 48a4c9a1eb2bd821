"""Renders pages from templates.

Because of its headers, a page can load nothing but the simulator's style sheet.
"""

from functools import cache
from pathlib import Path
from typing import Any

from fastapi import Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import RedirectResponse

from simulator.pages.entry import grouped
from simulator.state.store import Store

FOLDER = Path(__file__).parent
# `form-action` is not set, because Chromium also applies it to the redirect after a
# form, and Checkout redirects to another origin.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; base-uri "
    "'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    # With `no-referrer`, browsers would send forms with the origin "null".
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


@cache
def environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["grouped"] = grouped
    return made


def render_page(template: str, status: int = 200, **values: Any) -> Response:
    html = environment().get_template(f"{template}.html").render(values)
    return Response(html, status, media_type="text/html", headers=HEADERS)


def render_message(
    title: str, text: str, *, status: int = 200, link: str = "", link_text: str = ""
) -> Response:
    return render_page("message", status, title=title, text=text, link=link, link_text=link_text)


def not_found() -> Response:
    return render_message(
        "Not found",
        "There is nothing at this address. Go back to the seller for a new link.",
        status=404,
    )


def redirect_to(url: str) -> Response:
    """Redirect after a form: the browser asks for `url` with GET."""
    return RedirectResponse(url, 303, {"Cache-Control": "no-store"})


def store_of(request: Request) -> Store:
    found: Store = request.app.state.store
    return found


async def form_of(request: Request) -> dict[str, str]:
    """Return the fields of a form. Files are left out, because no form here has any."""
    async with request.form(max_files=0, max_fields=50) as form:
        return {name: value for name, value in form.items() if isinstance(value, str)}

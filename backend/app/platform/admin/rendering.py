"""Renders the pages of the admin, with a policy that allows only our own files."""

from collections.abc import Mapping
from datetime import date, datetime
from functools import partial
from typing import Any

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette_admin.flash import get_flashed_messages
from starlette_admin.security import csrf_input

from app.platform.templates import template_environment

from .views import Badge, Block, Link, Person, Tool

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    # With `no-referrer`, a browser would send `Origin: null` even with our own forms.
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
TONES = {"good": "success", "bad": "danger", "warning": "warning", "plain": "secondary"}


def page(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    """Render a template of the admin."""
    html = template_environment().get_template(f"platform/admin/{template}")
    shown = {
        "base": request.scope.get("root_path", ""),
        "here": request.url.path,
        "csrf": csrf_input(request),
        "messages": get_flashed_messages(request),
        "shown": partial(shown_value, values.get("names", {})),
        "is_tool": lambda entry: isinstance(entry, Tool),
        **values,
    }
    return HTMLResponse(html.render(shown), status_code=status, headers=dict(HEADERS))


def shown_value(names: Mapping[int, str], value: Any) -> Markup | str:
    """Return a value of a column as HTML."""
    if isinstance(value, Person):
        name = names.get(value.user_id, f"erased account {value.user_id}")
        value = Link(name, "users", value.user_id)
    if isinstance(value, Link):
        target = f"/admin/row/{value.view}/{value.row_id}"
        if value.row_id is None:
            target = f"/admin/list/{value.view}?q={value.search}"
        return Markup('<a href="{}">{}</a>').format(target, value.text)
    if isinstance(value, Badge):
        tone = TONES[value.tone]
        return Markup('<span class="badge bg-{}-lt">{}</span>').format(tone, value.text)
    if isinstance(value, Block):
        return Markup("<pre>{}</pre>").format(value.text)
    if isinstance(value, datetime):
        return Markup('<time datetime="{}">{}</time>').format(
            value.isoformat(), f"{value:%Y-%m-%d %H:%M:%S}"
        )
    if isinstance(value, date):
        return value.isoformat()
    return Markup('<span class="text-secondary">-</span>') if value in (None, "") else str(value)

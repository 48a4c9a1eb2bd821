"""The pages `/docs`, `/redoc` and `/llms.txt`, served without any outside resources."""

import base64
import hashlib
import json
import re
from collections.abc import Callable
from functools import lru_cache
from html import escape
from pathlib import Path
from string import Template

import fastapi_offline
from fastapi import FastAPI, Response
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_oauth2_redirect_html
from starlette.responses import FileResponse
from starlette.staticfiles import StaticFiles

from app.core.config import BACKEND
from app.platform import live_examples
from app.platform.templates import FOLDER

ASSETS = Path(fastapi_offline.__file__).parent / "static"
OWN = FOLDER / "docs"
REDOC_LOGO = "https://cdn.redoc.ly/redoc/logo-mini.svg"
INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def install_docs_pages(app: FastAPI, prefix: str, *, live: bool) -> None:
    """Add the routes for the pages, the OpenAPI document and the assets.

    Call this after replacing `app.openapi`. With `live`, example values that work only
    once are created each time the document is served.
    """
    document, assets, redirect = (
        f"{prefix}/openapi.json",
        f"{prefix}/docs/assets",
        f"{prefix}/docs/oauth2-redirect",
    )
    own, icon = f"{assets}/own", f"{assets}/favicon.png"
    places = {"document": document, "assets": assets, "own": own, "redirect": redirect}
    template = Template((OWN / "swagger.html").read_text("utf-8"))
    swagger = _page(template.substitute(title=escape(app.title), **places).encode())
    redoc = get_redoc_html(
        openapi_url=document,
        title=f"{app.title} reference",
        redoc_js_url=f"{assets}/redoc.standalone.js",
        redoc_favicon_url=icon,
        with_google_fonts=False,
    )
    named = bytes(redoc.body).replace(b"<html>", b'<html lang="en">', 1)
    returned = _page(get_swagger_ui_oauth2_redirect_html().body)
    # ReDoc's footer would load a logo from its makers' server.
    script = (ASSETS / "redoc.standalone.js").read_text("utf-8").replace(REDOC_LOGO, "data:,")
    redoc_script = Response(
        script, media_type="text/javascript", headers={"Cache-Control": "no-cache"}
    )
    app.add_api_route(
        f"{assets}/redoc.standalone.js", lambda: redoc_script, include_in_schema=False
    )
    app.mount(own, StaticFiles(directory=OWN / "assets"))
    app.mount(assets, StaticFiles(directory=ASSETS))
    for path, page in (
        (f"{prefix}/docs", swagger),
        (f"{prefix}/redoc", _page(named)),
        (redirect, returned),
    ):
        app.add_api_route(
            path, lambda page=page: page, include_in_schema=False, response_class=Response
        )
    app.add_api_route(document, _document_of(app, live=live), include_in_schema=False)
    app.add_api_route(f"{prefix}/llms.txt", _overview, include_in_schema=False)


def _overview() -> FileResponse:
    """Return `/llms.txt`, an overview of the API for programs that write code."""
    return FileResponse(BACKEND / "docs" / "llms.txt", media_type="text/plain")


def _document_of(app: FastAPI, *, live: bool) -> Callable[[], Response]:
    """Return the endpoint of the OpenAPI document.

    Unless `live` is set, the document is encoded only once, because encoding 270 kB
    takes 30 ms.
    """

    def encoded() -> bytes:
        document = live_examples.filled(app.openapi()) if live else app.openapi()
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()

    encode = encoded if live else lru_cache(encoded)
    return lambda: Response(encode(), media_type="application/json")


def _page(html: bytes | memoryview) -> Response:
    """Return the page, with a policy that allows only the page's own inline scripts, by
    their hashes.
    """
    text = bytes(html).decode()
    digests = [hashlib.sha256(script.encode()).digest() for script in INLINE_SCRIPT.findall(text)]
    allowed = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    policy = (
        f"default-src 'none'; script-src 'self' {allowed}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; connect-src 'self'; worker-src blob:; frame-ancestors 'none'; "
        "form-action 'self'; base-uri 'none'"
    )
    return Response(text, media_type="text/html", headers={"Content-Security-Policy": policy})

"""The serving process of the reloader. It serves the application, or a page with the
error that keeps the application from starting.

This module imports nothing from the application at module level, because any file of
the application may be broken.
"""

import html
import json
import os
import sys
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from pathlib import Path
from socket import socket
from typing import Any
from urllib.parse import urlsplit

import uvicorn

Scope = MutableMapping[str, Any]
Send = Callable[[Scope], Awaitable[None]]
Receive = Callable[[], Awaitable[Scope]]

APP = Path(__file__).resolve().parents[1]
THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="2">
<title>Liftoff cannot start</title>
<style>
:root {{ color-scheme: light dark; }}
body {{
  margin: 0 auto; padding: 24px 16px; max-width: 960px;
  font: 16px/1.5 system-ui, sans-serif;
}}
pre {{
  white-space: pre-wrap; overflow-wrap: anywhere;
  font: 14px/1.5 ui-monospace, Menlo, Consolas, monospace;
}}
</style>
</head>
<body>
<main>
<h1>Liftoff cannot start</h1>
<p><strong>{summary}</strong></p>
<p>Fix the file and save it. This page then shows what you requested.</p>
<pre>{details}</pre>
</main>
</body>
</html>
"""


def main() -> None:
    sockets = [socket(fileno=int(descriptor)) for descriptor in sys.argv[1:]]
    try:
        from app.server.__main__ import serve_one

        serve_one(sockets)
    except KeyboardInterrupt:
        return
    except (Exception, SystemExit) as error:
        # The application has already served requests, so this is not a startup error.
        if any(one.fileno() < 0 for one in sockets):
            raise
        summary, details = _explain(error)
        sys.stderr.write(f"{details}{summary}\n")
        _serve_page(sockets, summary, details)


def _explain(error: Exception | SystemExit) -> tuple[str, str]:
    """Return a one-line summary with the place of the error, and the traceback's lines
    in our own files.
    """
    if isinstance(error, SystemExit):
        return error.code if isinstance(
            error.code, str
        ) else "The application ended while it was starting.", ""
    # The text of this error names the place. The error's cause has the traceback.
    broken = type(error).__name__ == "BrokenFeature"
    told = traceback.TracebackException.from_exception(
        (error.__cause__ if broken else None) or error
    )
    told.stack = traceback.StackSummary.from_list(
        [frame for frame in told.stack if _is_ours(frame.filename)]
    )
    own = [(frame.filename, frame.lineno) for frame in told.stack]
    if isinstance(error, SyntaxError):
        own.append((str(error.filename), error.lineno))
    place = f"{os.path.relpath(own[-1][0], APP.parent)}:{own[-1][1]}: " if own else ""
    return str(error) if broken else f"{place}{type(error).__name__}: {error}", "".join(
        told.format(chain=False)
    )


def _is_ours(file: str) -> bool:
    path = Path(file)
    return path.is_relative_to(APP) and not path.is_relative_to(APP / "server")


def _serve_page(sockets: list[socket], summary: str, details: str) -> None:
    async def page(scope: Scope, _receive: Receive, send: Send) -> None:
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in scope["headers"]
        }
        # A request for another host may come from another site's page (DNS rebinding).
        own = urlsplit(f"//{headers.get('host', '')}").hostname in THIS_MACHINE
        said = (summary, details) if own else ("The terminal shows the reason.", "")
        if "text/html" in headers.get("accept", ""):
            kind = "text/html; charset=utf-8"
            body = PAGE.format(summary=html.escape(said[0]), details=html.escape(said[1]))
        else:
            kind = "application/problem+json"
            problem = {
                "type": "about:blank",
                "title": "Liftoff cannot start",
                "status": 500,
                "detail": said[0],
            }
            body = json.dumps(problem | {"code": "internal_error", "request_id": None})
        sent = {
            "content-type": kind,
            "cache-control": "no-store",
            "content-security-policy": POLICY,
        }
        raw = [(name.encode(), value.encode()) for name, value in sent.items()]
        await send({"type": "http.response.start", "status": 500, "headers": raw})
        await send({"type": "http.response.body", "body": body.encode()})

    options: dict[str, Any] = {
        "lifespan": "off",
        "ws": "none",
        "log_config": None,
        "access_log": False,
    }
    with suppress(KeyboardInterrupt):
        uvicorn.Server(uvicorn.Config(page, **options, timeout_graceful_shutdown=1)).run(
            sockets=sockets
        )


if __name__ == "__main__":
    main()

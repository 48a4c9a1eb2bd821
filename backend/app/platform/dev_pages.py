"""Pages for development: they stand in for the frontend that is not there yet (api.md, details 2 and 17).

A page allows just the style sheet and the script that stand in it, by their hashes, and may talk to this API alone.
"""

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Response

from app.core.config import get_settings

from .templates import environment

INLINE = {
    "style-src": re.compile(r"<style>(.*?)</style>", re.DOTALL),
    "script-src": re.compile(r"<script>(.*?)</script>", re.DOTALL),
}


PAGE_POLICY = (
    "default-src 'none'; connect-src 'self'; frame-src 'self'; img-src data:; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


@dataclass(frozen=True)
class Step:
    """What one page does: it sends what its address brought along (`takes`), and `asks` for what only people know."""

    title: str
    about: str
    action: str = ""
    takes: str = ""
    asks: str = ""
    button: str = ""
    done: str = ""


STEPS = {
    "/verify-email": Step(
        title="Confirm your e-mail address",
        about="One press, and your address is confirmed.",
        action="/auth/verify-email",
        takes="token",
        button="Confirm my address",
        done="Your address is confirmed. You can sign in now.",
    ),
    "/reset-password": Step(
        title="Choose a new password",
        about="All your devices are signed out when it is changed.",
        action="/auth/password/reset",
        takes="token",
        asks="new_password",
        button="Change the password",
        done="Your password is changed. Sign in with the new one.",
    ),
    "/confirm-email": Step(
        title="Confirm your new e-mail address",
        about="From then on your account uses this address.",
        action="/auth/email-change/confirm",
        takes="token",
        button="Use this address",
        done="Your new address is confirmed.",
    ),
    "/auth/callback": Step(
        title="Back from Google",
        about="The code in this page's address is exchanged for a session, once, within a minute.",
        action="/auth/google/exchange",
        takes="code",
        button="Finish signing in",
        done="You are signed in. A frontend would keep this token in memory; here you can try it in /docs.",
    ),
    "/billing": Step(title="Billing", about="Stripe's pages lead back here. GET /payments/subscription has the news."),
    "/billing/success": Step(
        title="Thank you",
        about="The checkout is done. The subscription is active as soon as Stripe's webhook has arrived.",
    ),
}

router = APIRouter(prefix="/dev/frontend", include_in_schema=False)


def _serve(path: str, step: Step) -> None:
    def landing() -> Response:
        return page("landing", step=step, prefix=get_settings().api_prefix)

    router.add_api_route(path, landing, name=f"landing {path}")


for _path, _step in STEPS.items():
    _serve(_path, _step)


def page(template: str, **values: Any) -> Response:
    """The page with a policy made for what stands in it."""
    html = environment().get_template(f"platform/dev/{template}.html").render(values)
    allowed = {kind: " ".join(_hash(block) for block in pattern.findall(html)) for kind, pattern in INLINE.items()}
    rules = [f"{kind} {hashes}" for kind, hashes in allowed.items() if hashes]
    policy = "; ".join([*rules, PAGE_POLICY])
    return Response(html, media_type="text/html", headers={"Content-Security-Policy": policy})


def _hash(block: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(block.encode()).digest()).decode()}'"

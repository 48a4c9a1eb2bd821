"""Pages for development: they stand in for the frontend that is not there yet (api.md, details 2 and 17).

A person can register, follow the mails and sign in with them. A page allows just the style sheet and the script that
stand in it, by their hashes, and may talk to this API alone.
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
class Field:
    """One thing that only a person knows."""

    name: str
    label: str
    type: str
    autocomplete: str


NEW_PASSWORD = Field("new_password", "New password", "password", "new-password")
MAILBOX = ("Open the mailbox", "/dev/mailbox")
SIGN_IN = ("Sign in", "/dev/frontend/sign-in")
REGISTER = ("Create an account", "/dev/frontend/register")
FORGOT = ("I forgot my password", "/dev/frontend/forgot-password")


@dataclass(frozen=True)
class Step:
    """What one page does: it sends what its address brought along (`takes`), and what it `asks` for.

    `links` lead on, and `then` does when it is done: pairs of words and path.
    """

    title: str
    about: str
    action: str = ""
    takes: str = ""
    asks: tuple[Field, ...] = ()
    encoding: str = "json"
    button: str = ""
    done: str = ""
    then: tuple[str, str] | None = None
    links: tuple[tuple[str, str], ...] = ()
    with_google: bool = False


STEPS = {
    "": Step(
        title="Your frontend goes here",
        about="Until then, these pages let you try accounts by hand. Mails wait in the mailbox.",
        links=(REGISTER, SIGN_IN, MAILBOX, ("API documentation", "/docs")),
    ),
    "/register": Step(
        title="Create an account",
        about="A link to confirm the address is sent to the mailbox of this development server.",
        action="/auth/register",
        asks=(
            Field("username", "User name", "text", "username"),
            Field("email", "E-mail address", "email", "email"),
            Field("password", "Password", "password", "new-password"),
        ),
        button="Create my account",
        done="Look into the mailbox: a mail is waiting for you.",
        then=MAILBOX,
        links=(SIGN_IN,),
        with_google=True,
    ),
    "/sign-in": Step(
        title="Sign in",
        about="With an account of yours, or with author@example.com and the demo password that make dev prints.",
        action="/auth/token",
        asks=(
            Field("username", "User name or e-mail address", "text", "username"),
            Field("password", "Password", "password", "current-password"),
        ),
        encoding="form",
        button="Sign in",
        done="You are signed in",
        links=(REGISTER, FORGOT),
        with_google=True,
    ),
    "/forgot-password": Step(
        title="Forgot your password?",
        about="A link to a new one is sent to the mailbox, if there is an account with this address.",
        action="/auth/password/forgot",
        asks=(Field("email", "E-mail address", "email", "email"),),
        button="Send the link",
        done="If there is such an account, its link is in the mailbox.",
        then=MAILBOX,
        links=(SIGN_IN,),
    ),
    "/verify-email": Step(
        title="Confirm your e-mail address",
        about="One press, and your address is confirmed.",
        action="/auth/verify-email",
        takes="token",
        button="Confirm my address",
        done="Your address is confirmed. You can sign in now.",
        then=SIGN_IN,
    ),
    "/reset-password": Step(
        title="Choose a new password",
        about="All your devices are signed out when it is changed.",
        action="/auth/password/reset",
        takes="token",
        asks=(NEW_PASSWORD,),
        button="Change the password",
        done="Your password is changed. Sign in with the new one.",
        then=SIGN_IN,
    ),
    "/confirm-email": Step(
        title="Confirm your new e-mail address",
        about="From then on your account uses this address.",
        action="/auth/email-change/confirm",
        takes="token",
        button="Use this address",
        done="Your new address is confirmed.",
        then=SIGN_IN,
    ),
    "/auth/callback": Step(
        title="Back from Google",
        about="The code in this page's address is exchanged for a session, once, within a minute.",
        action="/auth/google/exchange",
        takes="code",
        button="Finish signing in",
        done="You are signed in",
        links=(SIGN_IN,),
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
        settings = get_settings()
        with_google = step.with_google and settings.google_client_id is not None
        return page("landing", step=step, prefix=settings.api_prefix, with_google=with_google)

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

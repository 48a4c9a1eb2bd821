"""Development pages that stand in for a frontend until the project has one.

On these pages a developer can register, open the links in emails, sign in, subscribe,
manage the subscription and sign out. The policy of each page allows only the page's own
inline style sheet and script, by their hashes. The script may call only this API.
"""

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from app.core.config import get_settings
from app.platform.templates import template_environment

INLINE = {
    "style-src": re.compile(r"<style>(.*?)</style>", re.DOTALL),
    "script-src": re.compile(r"<script>(.*?)</script>", re.DOTALL),
}

THIS_MACHINE = {"localhost", "127.0.0.1", "::1"}
PAGE_POLICY = (
    "default-src 'none'; connect-src 'self'; frame-src 'self'; img-src data:; form-action "
    "'none'; base-uri 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True)
class Field:
    """An input field for a value that the user types."""

    name: str
    label: str
    type: str
    autocomplete: str


NEW_PASSWORD = Field("new_password", "New password", "password", "new-password")
MAILBOX = ("Open the mailbox", "/dev/mailbox")
SIGN_IN = ("Sign in", "/dev/frontend/sign-in")
REGISTER = ("Create an account", "/dev/frontend/register")
FORGOT = ("I forgot my password", "/dev/frontend/forgot-password")
PLANS = ("Plans and billing", "/dev/frontend/billing")
START = ("Start", "/dev/frontend")


@dataclass(frozen=True)
class Step:
    """The content of a page, and the request that the page sends.

    The request contains a value from the page's URL (`takes`) and the values of the
    input fields (`asks`). `links` lead to other pages, and `then` is the link to show
    after success. Every link is a text and a path. After success, the title becomes
    `done_title`.
    """

    title: str
    about: str
    action: str = ""
    takes: str = ""
    asks: tuple[Field, ...] = ()
    encoding: str = "json"
    button: str = ""
    done: str = ""
    done_title: str = ""
    then: tuple[str, str] | None = None
    links: tuple[tuple[str, str], ...] = ()
    with_google: bool = False
    template: str = "landing"
    sells: bool = False


STEPS = {
    "": Step(
        title="Your frontend goes here",
        about="Until then, you can try accounts and payments on these pages. Emails appear in "
        "the mailbox.",
        then=PLANS,
        links=(REGISTER, SIGN_IN, PLANS, MAILBOX, ("API documentation", "/docs")),
    ),
    "/register": Step(
        title="Create an account",
        about="The mailbox of this development server receives a link to confirm the address.",
        action="/auth/register",
        asks=(
            Field("username", "Username", "text", "username"),
            Field("email", "Email address", "email", "email"),
            Field("password", "Password", "password", "new-password"),
        ),
        button="Create my account",
        done="An email is waiting for you in the mailbox.",
        done_title="Confirm your address",
        then=MAILBOX,
        links=(SIGN_IN,),
        with_google=True,
    ),
    "/sign-in": Step(
        title="Sign in",
        about="Use your own account, or author@example.com with the demo password that make dev "
        "prints.",
        action="/auth/token?session=cookie",
        asks=(
            Field("username", "Username or email address", "text", "username"),
            Field("password", "Password", "password", "current-password"),
        ),
        encoding="form",
        button="Sign in",
        done="You are signed in",
        done_title="Signed in",
        then=PLANS,
        links=(REGISTER, FORGOT),
        with_google=True,
    ),
    "/forgot-password": Step(
        title="Forgot your password?",
        about="If there is an account with this address, the mailbox receives a link to choose a "
        "new password.",
        action="/auth/password/forgot",
        asks=(Field("email", "Email address", "email", "email"),),
        button="Send the link",
        done="If there is an account with this address, the link is in the mailbox.",
        done_title="Open the mailbox",
        then=MAILBOX,
        links=(SIGN_IN,),
    ),
    "/verify-email": Step(
        title="Confirm your email address",
        about="Press the button to confirm your address.",
        action="/auth/verify-email",
        takes="token",
        button="Confirm my address",
        done="Your address is confirmed. You can sign in now.",
        done_title="Address confirmed",
        then=SIGN_IN,
    ),
    "/reset-password": Step(
        title="Choose a new password",
        about="Changing the password signs out all your devices.",
        action="/auth/password/reset",
        takes="token",
        asks=(NEW_PASSWORD,),
        button="Change the password",
        done="Your password has been changed. Sign in with the new one.",
        done_title="Password changed",
        then=SIGN_IN,
    ),
    "/confirm-email": Step(
        title="Confirm your new email address",
        about="Your account will use this address from then on.",
        action="/auth/email-change/confirm",
        takes="token",
        button="Use this address",
        done="Your new address is confirmed.",
        done_title="Address changed",
        then=SIGN_IN,
    ),
    "/auth/callback": Step(
        title="Back from Google",
        about="The code in the address of this page can be exchanged for a session once, within "
        "a minute.",
        action="/auth/google/exchange?session=cookie",
        takes="code",
        button="Finish signing in",
        done="You are signed in",
        done_title="Signed in",
        then=PLANS,
        links=(SIGN_IN,),
    ),
    "/billing": Step(
        title="Plans and billing",
        about="These are the plans in backend/plans.toml. With the simulator that make dev "
        "starts, no money moves.",
        links=(START,),
        template="billing",
        sells=True,
    ),
    "/billing/success": Step(
        title="Back from Stripe",
        about="The subscription starts when the webhook from Stripe arrives, which takes a few "
        "seconds.",
        links=(PLANS,),
        template="billing",
    ),
}

start = APIRouter(include_in_schema=False)
router = APIRouter(prefix="/dev/frontend", include_in_schema=False)


@start.get("/")
def lead_to_the_pages() -> Response:
    return RedirectResponse(f"{get_settings().api_prefix}/dev/frontend")


def _serve(path: str, step: Step) -> None:
    def landing(request: Request) -> Response:
        settings = get_settings()
        if (better := _by_its_own_name(request)) is not None:
            return RedirectResponse(better)
        with_google = step.with_google and settings.google_client_id is not None
        values = {
            "prefix": settings.api_prefix,
            "public_url": settings.public_url,
            "with_google": with_google,
        }
        return page(step.template, step=step, **values)

    router.add_api_route(path, landing, name=f"landing {path}")


for _path, _step in STEPS.items():
    _serve(_path, _step)


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


def page(template: str, **values: Any) -> Response:
    """Render a page, with a policy that allows only its own inline blocks."""
    html = template_environment().get_template(f"platform/dev/{template}.html").render(values)
    allowed = {
        kind: " ".join(_hash(block) for block in pattern.findall(html))
        for kind, pattern in INLINE.items()
    }
    rules = [f"{kind} {hashes}" for kind, hashes in allowed.items() if hashes]
    policy = "; ".join([*rules, PAGE_POLICY])
    return Response(html, media_type="text/html", headers={"Content-Security-Policy": policy})


def _hash(block: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(block.encode()).digest()).decode()}'"

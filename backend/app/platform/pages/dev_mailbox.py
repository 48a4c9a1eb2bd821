"""The mailbox of a development server, which shows every email, even before it is sent.

The mailbox exists only in development.
"""

import re
from datetime import datetime

from fastapi import APIRouter, Depends, Request, Response
from markupsafe import Markup, escape
from sqlalchemy import Select, select

from app.core.config import get_settings
from app.core.errors import Forbidden, NotFound
from app.core.schemas import Output
from app.core.types import Id
from app.db.database import db_dependency
from app.platform.mail import UnreadableMail, read_mail
from app.platform.models import Mail
from app.platform.templates import Rendered, render_mail, sample_values

from .dev_pages import page

SHOWN = 100
LINK = re.compile(r"https?://[^\s<>\"']+")
# The Content-Security-Policy of an email: no scripts, no forms, no outside resources.
# Links open in a new tab.
MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; "
    "frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
)


class ForeignPage(Forbidden):
    """The request was sent by a script of another origin.

    Not even the frontend may read the links in other users' emails.
    """

    code = "foreign_page"
    detail = "Only pages of this API may read the mailbox. Open the mailbox in its own browser tab."


async def own_pages_only(request: Request) -> None:
    """Refuse requests from scripts of other origins.

    Browsers send `Origin` whenever a script of another origin could read the response.
    """
    own = f"{request.url.scheme}://{request.headers.get('host', '')}"
    if request.headers.get("origin", own) != own:
        raise ForeignPage


router = APIRouter(
    prefix="/dev/mailbox", include_in_schema=False, dependencies=[Depends(own_pages_only)]
)


class MailRead(Output):
    id: int
    to: str
    subject: str
    text: str
    html: str
    created_at: datetime


def _newest() -> Select[Mail]:
    return select(Mail).order_by(Mail.id.desc()).limit(SHOWN)


def _words(mail: Mail) -> Rendered:
    try:
        return read_mail(mail)
    except UnreadableMail as error:
        return Rendered(mail.subject, f"({error}.)\n", f"<p>({escape(str(error))}.)</p>")


def _state(mail: Mail) -> str:
    if mail.sent_at:
        return f"sent {mail.sent_at:%H:%M:%S}"
    if mail.dead_at:
        return f"given up: {mail.last_error}"
    if mail.last_error:
        return f"attempts: {mail.attempts}, last error: {mail.last_error}"
    return (
        "waiting to be sent"
        if get_settings().smtp_host
        else "kept here, because SMTP_HOST is not set"
    )


def _linked(text: str) -> Markup:
    """Return the text as HTML, with its URLs as links."""
    link = '<a href="{0}" target="_blank" rel="noopener">{0}</a>'
    return Markup(LINK.sub(lambda found: link.format(found[0]), str(escape(text))))  # noqa: S704 - escaped before


@router.get("")
def show_mailbox(db: db_dependency) -> Response:
    mails = [(mail, _state(mail), _linked(_words(mail).text)) for mail in db.scalars(_newest())]
    return page("mailbox", mails=mails, prefix=get_settings().api_prefix, shown=SHOWN)


@router.get(".json")
def list_mails(db: db_dependency) -> list[MailRead]:
    """List the emails, newest first."""
    found = [(mail, _words(mail)) for mail in db.scalars(_newest())]
    return [
        MailRead(
            id=mail.id,
            to=mail.recipient,
            subject=mail.subject,
            text=words.text,
            html=words.html,
            created_at=mail.created_at,
        )
        for mail, words in found
    ]


@router.get("/preview")
def list_previews() -> Response:
    """Show every email that the features can send, with sample values."""
    mails = [(name, render_mail(name, values)) for name, values in sample_values().items()]
    return page("previews", mails=mails, prefix=get_settings().api_prefix)


@router.get("/preview/{feature}/{name}")
def show_preview(feature: str, name: str) -> Response:
    template = f"{feature}/{name}"
    values = sample_values().get(template)
    if values is None:
        raise NotFound
    return _framed(render_mail(template, values).html)


@router.get("/{mail_id}")
def show_mail(db: db_dependency, mail_id: Id) -> Response:
    """Show the HTML of one email, for the frame in the mailbox."""
    mail = db.get(Mail, mail_id)
    if mail is None:
        raise NotFound
    return _framed(_words(mail).html)


def _framed(html: str) -> Response:
    headers = {"Content-Security-Policy": MAIL_POLICY, "X-Frame-Options": "SAMEORIGIN"}
    return Response(html, media_type="text/html", headers=headers)

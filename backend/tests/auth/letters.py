"""What auth's jobs write to people, once a worker has done them."""

from app.platform import job_runs
from app.platform.templates import Rendered
from tests.support.mails import mails_to, token_of


def letters_to(address: str) -> list[Rendered]:
    """Oldest first, after everything that waits to be done."""
    while job_runs.run_next():
        pass
    return mails_to(address)


def last_token(address: str, page: str) -> str:
    """The token of the newest mail to this address whose link leads to a page such as
    `verify-email`.
    """
    return next(
        token_of(mail) for mail in reversed(letters_to(address)) if f"/{page}?" in mail.text
    )

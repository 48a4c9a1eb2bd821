"""Reads the emails that auth's jobs write, after a worker has run the jobs."""

from app.platform.jobs import job_runs
from app.platform.templates import Rendered
from tests.support.mails import mails_to, token_of


def letters_to(address: str) -> list[Rendered]:
    """Run all jobs, and return the emails to this address, oldest first."""
    while job_runs.run_next():
        pass
    return mails_to(address)


def last_token(address: str, page: str) -> str:
    """Return the token in the newest email to this address that links to this page.

    An example of a page is `verify-email`.
    """
    return next(
        token_of(mail) for mail in reversed(letters_to(address)) if f"/{page}?" in mail.text
    )

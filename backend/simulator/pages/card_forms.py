"""The part that is common to all pages that ask for a card.

When the form has been submitted, the customer gets the next page, or the form again
with errors.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from fastapi import Request, Response

from simulator.pages.entry import FIELDS, Wrong, typed
from simulator.pages.rendering import form_of, not_found, redirect_to, store_of
from simulator.protocol.errors import StripeError
from simulator.state.work import Work

Subject = TypeVar("Subject")


@dataclass
class Sent:
    """The submitted values, the errors of single fields, and an error of the form."""

    entry: dict[str, str] = field(default_factory=lambda: dict.fromkeys(FIELDS, ""))
    errors: dict[str, str] = field(default_factory=dict)
    problem: str = ""


async def submitted(
    request: Request,
    button: str,
    find: Callable[[Work], Subject | None],
    act: Callable[[Work, Subject, dict[str, str]], str],
    show: Callable[[Work, Subject, Sent], Response],
) -> Response:
    """Handle a pressed button, and redirect to the next page.

    `act` does what the button is for, and returns the URL of the next page. If the
    button was not pressed, or `act` fails, `show` returns the page in its current
    state.
    """
    form, store = await form_of(request), store_of(request)
    sent = Sent(typed(form))
    try:
        with store.work() as work:
            subject = find(work)
            if subject is not None and form.get("act") == button:
                return redirect_to(act(work, subject, sent.entry))
    except Wrong as wrong:
        sent.errors = wrong.errors
    except StripeError as refused:
        sent.problem = refused.message
    with store.work() as work:
        subject = find(work)
        return not_found() if subject is None else show(work, subject, sent)

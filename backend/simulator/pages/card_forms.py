"""The common part of pages that ask for a card.

The form is submitted, and leads on or comes back with what is wrong.
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
    """The values in the form, and the errors of single fields or of all together."""

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
    """Handle a pressed button, and redirect to the page that follows.

    If no button was pressed, or the action fails, show the page again with the current
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

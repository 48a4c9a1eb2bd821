"""What pages that ask for a card have in common: the form is sent, and leads on or
comes back with what is wrong.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from fastapi import Request, Response

from simulator.pages.entry import FIELDS, Wrong, typed
from simulator.pages.rendering import form_of, go, not_found, store_of
from simulator.protocol.errors import StripeError
from simulator.state.work import Work

Subject = TypeVar("Subject")


@dataclass
class Sent:
    """What stands in the form, and what is wrong: with single fields, or altogether."""

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
    """When the button was pressed, `act` on what the page is about and go where that
    leads; else, or when it cannot be done, show the page again, as things are then.
    """
    form, store = await form_of(request), store_of(request)
    sent = Sent(typed(form))
    try:
        with store.work() as work:
            subject = find(work)
            if subject is not None and form.get("act") == button:
                return go(act(work, subject, sent.entry))
    except Wrong as wrong:
        sent.errors = wrong.errors
    except StripeError as refused:
        sent.problem = refused.message
    with store.work() as work:
        subject = find(work)
        return not_found() if subject is None else show(work, subject, sent)

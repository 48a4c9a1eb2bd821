"""Commands for who runs the billing: `python -m app.routers.payments.commands --help`."""

import sys
from functools import partial
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import defer

from app.core.combinations import reaches_stripe
from app.core.config import get_settings
from app.core.errors import AppError
from app.core.features import load_models
from app.core.logging import configure_logging
from app.db.database import SessionLocal
from app.db.pagination import count_up_to

from . import doctor, endpoints, ledger, plans
from .catalogue import BrokenCatalogue, read
from .doctor import Difference
from .gateway import PaymentsMisconfigured, PaymentsOff
from .ledger import Outcome
from .models import WebhookEvent
from .webhooks import SOURCE

SHOWN = 100
COUNTED = 10_000  # of more it is not said how many they are

cli = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)


@cli.callback()
def begin() -> None:
    configure_logging(get_settings(), sys.stderr)
    load_models()


@cli.command()
def plans_sync(*, apply: Annotated[bool, typer.Option(help="Do it; without, it is only shown.")] = False) -> None:
    """Bring Stripe and the table of plans in line with plans.toml."""
    try:
        offers = read()
        there = plans.look(offers)
        steps = plans.differences(offers, there)
        for step in steps:
            typer.echo(f"{step.plan}: {step.action}")
        if not apply:
            typer.echo("Nothing was changed: apply=yes does it." if steps else "Stripe has what plans.toml says.")
            return
        there = plans.bring_in_line(offers, there)
        with SessionLocal() as db, db.begin():
            plans.store(db, offers, there)
    except (BrokenCatalogue, AppError) as error:
        sys.exit(f"Not in line: {_words(error)}")
    typer.echo(f"In line: {len(offers)} plans, {len(steps)} changes at Stripe.")


@cli.command()
def webhook_register() -> None:
    """Have Stripe send to this system the events that it handles, and no others."""
    try:
        done = endpoints.register()
    except AppError as error:
        sys.exit(f"Not registered: {_words(error)}")
    typer.echo(f"{done.url}: {done.action}")
    if done.secret:
        typer.echo(f"STRIPE_WEBHOOK_SECRET={done.secret}")
        typer.echo("Put this into the settings: Stripe shows it this once.")


@cli.command()
def webhook_replay(
    event: Annotated[str, typer.Option(help="Stripe's id of one event, evt_…")] = "",
    *,
    failed: Annotated[bool, typer.Option(help="All that were given up on or parked.")] = False,
) -> None:
    """Work off again what came by webhook. Without options it lists what was given up on or parked."""
    unsettled = [WebhookEvent.outcome == Outcome.DEAD, WebhookEvent.outcome == Outcome.PARKED]
    if not failed and not event:
        _list(unsettled)
        return
    which = unsettled if failed else []
    if event:
        which.append(and_(WebhookEvent.source == SOURCE, WebhookEvent.event_id == event))
    count = sum(ledger.replay_all(one) for one in which)
    if not count:
        sys.exit("There is no such event.")
    typer.echo(f"{count} will be worked off again by the worker.")
    if not get_settings().payments_enabled:
        typer.echo(f"{PaymentsOff.detail} Until they are on, the events wait.")


def _words(error: Exception) -> str:
    """What an operator has to know, which may be more than a client is told."""
    return error.reason if isinstance(error, PaymentsMisconfigured) else str(error)


def _list(unsettled: list[ColumnElement[bool]]) -> None:
    """The newest. Each kind in a statement of its own, which has an index."""
    with SessionLocal() as db:
        bare = select(WebhookEvent).options(defer(WebhookEvent.body))
        newest = [db.scalars(bare.where(one).order_by(WebhookEvent.id.desc()).limit(SHOWN)) for one in unsettled]
        events = sorted((event for some in newest for event in some), key=lambda event: event.id)[-SHOWN:]
        number = sum(count_up_to(db, select(WebhookEvent.id).where(one), COUNTED) for one in unsettled)
    if not events:
        typer.echo("Nothing was given up on, nothing is parked.")
        return
    table = Table("Event", "Type", "Received", "Outcome", "Tries", "Error")
    for row in events:
        outcome, received = str(row.outcome), f"{row.received_at:%Y-%m-%d %H:%M}"
        table.add_row(row.event_id, row.type, received, outcome, str(row.attempts), row.error or "")
    Console().print(table)
    if number > len(events):
        typer.echo(f"The newest {len(events)} of {number if number < COUNTED else f'{COUNTED} or more'}.")


@cli.command()
def billing_doctor(*, fix: Annotated[bool, typer.Option(help="Repair ours from theirs.")] = False) -> None:
    """Compare every payer, subscription and invoice with Stripe, and try the rules that always hold."""
    settings = get_settings()
    look = partial(doctor.examine, with_endpoints=settings.is_deployed and reaches_stripe(settings))
    try:
        found = look()
        if found and fix:
            _show("Found", found)
            doctor.repair(found)
            found = look()
    except (BrokenCatalogue, AppError) as error:
        sys.exit(f"Not examined: {_words(error)}")
    if known := doctor.notices():
        _show("To know, nothing to repair", known)
    if found:
        _show("Left after the repair" if fix else "Differences", found)
        sys.exit(1)
    typer.echo("Ours is what Stripe has.")


def _show(title: str, found: list[Difference]) -> None:
    table = Table("What", "Which", "Ours", "Stripe's", title=f"{title}: {len(found)}")
    for one in found:
        table.add_row(one.subject, one.what, one.ours, one.theirs)
    Console().print(table)


if __name__ == "__main__":
    cli()

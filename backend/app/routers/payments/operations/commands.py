"""Billing commands for operators.

`python -m app.routers.payments.operations.commands --help` lists them.
"""

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
from app.db.totals import count_up_to
from app.routers.payments.gateway import PaymentsMisconfigured, PaymentsOff
from app.routers.payments.models import WebhookEvent
from app.routers.payments.plans import publishing
from app.routers.payments.plans.plan_file import BrokenCatalogue, read_plan_file
from app.routers.payments.webhooks import processing
from app.routers.payments.webhooks.processing import Outcome
from app.routers.payments.webhooks.receiving import SOURCE

from . import doctor, endpoints
from .differences import Difference

SHOWN = 100
COUNTED = 10_000  # larger numbers are shown as `10000 or more`

cli = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)


@cli.callback()
def begin() -> None:
    configure_logging(get_settings(), sys.stderr)
    load_models()


@cli.command()
def plans_sync(
    *,
    apply: Annotated[
        bool, typer.Option(help="Make the changes. Without this option, they are only shown.")
    ] = False,
) -> None:
    """Publish plans.toml at Stripe and in the plans table."""
    try:
        offers = read_plan_file()
        there = publishing.read_catalogue(offers)
        steps = publishing.catalogue_differences(offers, there)
        for step in steps:
            typer.echo(f"{step.plan}: {step.action}")
        if not apply:
            typer.echo(
                "Nothing was changed. Run this again with apply=yes to make these changes."
                if steps
                else "Stripe matches plans.toml."
            )
            return
        there = publishing.bring_in_line(offers, there)
        with SessionLocal() as db, db.begin():
            publishing.store_plans(db, offers, there)
    except (BrokenCatalogue, AppError) as error:
        sys.exit(f"The plans could not be published: {_words(error)}")
    typer.echo(f"The plans are published: {len(offers)} plans, {len(steps)} changes at Stripe.")


@cli.command()
def webhook_register() -> None:
    """Make Stripe send exactly the events that this server handles."""
    try:
        done = endpoints.register_endpoint()
    except AppError as error:
        sys.exit(f"The webhook was not registered: {_words(error)}")
    typer.echo(f"{done.url}: {done.action}")
    if done.secret:
        typer.echo(f"STRIPE_WEBHOOK_SECRET={done.secret}")
        typer.echo("Put this into the settings. Stripe shows it only once.")


@cli.command()
def webhook_replay(
    event: Annotated[str, typer.Option(help="Stripe's id of an event, evt_…")] = "",
    *,
    failed: Annotated[bool, typer.Option(help="Process all dead and parked events again.")] = False,
) -> None:
    """Process webhook events again. Without options, list dead and parked events."""
    unsettled = [WebhookEvent.outcome == Outcome.DEAD, WebhookEvent.outcome == Outcome.PARKED]
    if not failed and not event:
        _list(unsettled)
        return
    which = unsettled if failed else []
    if event:
        which.append(and_(WebhookEvent.source == SOURCE, WebhookEvent.event_id == event))
    count = sum(processing.replay_all_events(one) for one in which)
    if not count:
        sys.exit("There is no such event.")
    typer.echo(f"The worker will process {count} again.")
    if not get_settings().payments_enabled:
        typer.echo(f"{PaymentsOff.detail} The events wait until payments are on.")


def _words(error: Exception) -> str:
    """Return an error message for operators. It may contain details that clients do not
    get.
    """
    return error.reason if isinstance(error, PaymentsMisconfigured) else str(error)


def _list(unsettled: list[ColumnElement[bool]]) -> None:
    """List the newest events.

    Each outcome has its own statement, so that each statement can use an index.
    """
    with SessionLocal() as db:
        bare = select(WebhookEvent).options(defer(WebhookEvent.body))
        newest = [
            db.scalars(bare.where(one).order_by(WebhookEvent.id.desc()).limit(SHOWN))
            for one in unsettled
        ]
        events = sorted((event for some in newest for event in some), key=lambda event: event.id)[
            -SHOWN:
        ]
        number = sum(
            count_up_to(db, select(WebhookEvent.id).where(one), COUNTED) for one in unsettled
        )
    if not events:
        typer.echo("There are no dead or parked events.")
        return
    table = Table("Event", "Type", "Received", "Outcome", "Tries", "Error")
    for row in events:
        outcome, received = str(row.outcome), f"{row.received_at:%Y-%m-%d %H:%M}"
        table.add_row(row.event_id, row.type, received, outcome, str(row.attempts), row.error or "")
    Console().print(table)
    if number > len(events):
        typer.echo(
            f"These are the newest {len(events)} of "
            f"{number if number < COUNTED else f'{COUNTED} or more'}."
        )


@cli.command()
def billing_doctor(
    *, fix: Annotated[bool, typer.Option(help="Update our rows from Stripe's objects.")] = False
) -> None:
    """Compare every payer, subscription and invoice with Stripe, and check the rules
    that always hold.
    """
    settings = get_settings()
    find = partial(
        doctor.find_differences, with_endpoints=settings.is_deployed and reaches_stripe(settings)
    )
    try:
        found = find()
        if found and fix:
            _show("Found", found)
            doctor.repair_differences(found)
            found = find()
    except (BrokenCatalogue, AppError) as error:
        sys.exit(f"The comparison failed: {_words(error)}")
    if known := doctor.find_notices():
        _show("For your information (no repair needed)", known)
    if found:
        _show("Differences after the repair" if fix else "Differences", found)
        sys.exit(1)
    typer.echo("Our rows match Stripe.")


def _show(title: str, found: list[Difference]) -> None:
    table = Table("What", "Which", "Ours", "Stripe's", title=f"{title}: {len(found)}")
    for one in found:
        table.add_row(one.subject, one.what, one.ours, one.theirs)
    Console().print(table)


if __name__ == "__main__":
    cli()

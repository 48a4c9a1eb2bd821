"""Operators manage billing with commands."""

from functools import partial

import pytest
from sqlalchemy import select, update
from typer.testing import CliRunner

from app.db import batches
from app.db.database import SessionLocal
from app.routers.payments import gateway
from app.routers.payments.models import WebhookEvent
from app.routers.payments.operations import commands
from app.routers.payments.operations.commands import cli
from app.routers.payments.webhooks import processing
from app.routers.payments.webhooks.event_types import HANDLED
from tests.payments.factories import sell_plans
from tests.payments.stripe_side import event, send

URL = "https://api.example.com/payments/webhook"


def run(*arguments):
    """Run the command, and return its exit code and output."""
    done = CliRunner().invoke(cli, arguments)
    return done.exit_code, done.output


def sold():
    return {
        price.lookup_key: price.amount
        for price in gateway.find_prices(["liftoff-pro", "liftoff-team"])
    }


def test_plans_are_shown_and_then_made(committed, stripe_side, tmp_path, monkeypatch):
    sell_plans()
    assert run("plans-sync") == (0, "Stripe matches plans.toml.\n")
    from app.routers.payments.plans import plan_file

    file = tmp_path / "plans.toml"
    file.write_text(
        plan_file.FILE.read_text("utf-8").replace("amount = 1200\n", "amount = 1300\n"), "utf-8"
    )
    monkeypatch.setattr(
        plan_file, "FILE", file
    )  # no setting changes this path, and a test must not change the project's own file
    code, shown = run("plans-sync")
    assert code == 0
    assert "pro: replace price" in shown
    assert "Nothing was changed. Run this again with apply=yes to make these changes." in shown
    assert sold()["liftoff-pro"] == 1200
    assert (
        "The plans are published: 5 plans, 1 changes at Stripe." in run("plans-sync", "--apply")[1]
    )
    assert sold()["liftoff-pro"] == 1300
    monkeypatch.undo()
    sell_plans()


def test_events_that_are_replayed_while_payments_are_off_wait(client, committed, billing, settings):
    assert send(client, event()).status_code == 200
    settings(PAYMENTS_ENABLED="false")
    code, shown = run("webhook-replay", "--event", event()["id"])
    assert code == 0
    assert (
        "Payments are switched off (PAYMENTS_ENABLED=false). The events wait until payments are on."
        in shown
    )


def test_a_broken_catalogue_and_a_stripe_that_is_away_are_told(
    committed, billing, tmp_path, monkeypatch
):
    from app.routers.payments.plans import plan_file

    code, shown = run("plans-sync")
    assert (code, "The plans could not be published: Payments are unavailable" in shown) == (
        1,
        True,
    )
    monkeypatch.setattr(plan_file, "FILE", tmp_path / "plans.toml")  # a separate file for this test
    code, shown = run("plans-sync")
    assert (code, "plans.toml cannot be read" in shown) == (1, True)


@pytest.fixture
def endpoint(stripe_side, settings):
    """Delete all webhook endpoints at Stripe, and return Stripe's API for endpoints."""
    settings(PUBLIC_URL="https://api.example.com")
    for found in gateway.list_endpoints():
        gateway.delete_endpoint(found.id)
    return stripe_side.api.webhook_endpoints


def test_what_is_registered_at_stripe_is_what_is_handled(endpoint):
    code, shown = run("webhook-register")
    assert code == 0
    (made,) = endpoint.list().data
    assert (made.url, set(made.enabled_events), made.api_version) == (
        URL,
        set(HANDLED),
        gateway.API_VERSION,
    )
    assert f"{URL}: created\nSTRIPE_WEBHOOK_SECRET=whsec_" in shown


def test_registering_again_only_repairs_what_is_wrong(endpoint):
    run("webhook-register")
    (made,) = endpoint.list().data
    assert run("webhook-register") == (0, f"{URL}: nothing to do\n")
    endpoint.update(made.id, {"enabled_events": ["invoice.paid"], "disabled": True})
    assert run("webhook-register") == (0, f"{URL}: updated\n")
    (mended,) = endpoint.list().data
    assert (mended.id, set(mended.enabled_events), mended.status) == (
        made.id,
        set(HANDLED),
        "enabled",
    )


def test_an_endpoint_in_another_version_is_replaced(endpoint):
    endpoint.create(
        {"url": URL, "enabled_events": ["invoice.paid"]}
    )  # without a version, the endpoint gets the account's API version
    other = endpoint.create(
        {"url": "https://elsewhere.example.com/", "enabled_events": ["invoice.paid"]}
    )
    assert "created" in run("webhook-register")[1]
    found = {one.url: one for one in endpoint.list().data}
    assert found[URL].api_version == gateway.API_VERSION
    assert found["https://elsewhere.example.com/"].id == other.id


def test_a_stripe_that_is_away_is_told_of(billing):
    assert run("webhook-register")[0] == 1


def outcomes():
    with SessionLocal() as db:
        return dict(db.execute(select(WebhookEvent.event_id, WebhookEvent.outcome)).all())


def test_what_was_given_up_on_is_listed_and_worked_off_again(client, committed, billing):
    """R12."""
    assert run("webhook-replay") == (0, "There are no dead or parked events.\n")
    for name, outcome in (("evt_dead", "dead"), ("evt_parked", "parked"), ("evt_done", "done")):
        send(client, event(id=name))
        with SessionLocal() as db, db.begin():
            db.scalars(
                select(WebhookEvent).where(WebhookEvent.event_id == name)
            ).one().outcome = outcome
    listed = run("webhook-replay")[1]
    assert ("evt_dead" in listed, "evt_parked" in listed, "evt_done" in listed) == (
        True,
        True,
        False,
    )
    assert run("webhook-replay", "--failed") == (0, "The worker will process 2 again.\n")
    assert outcomes() == {"evt_dead": None, "evt_parked": None, "evt_done": "done"}
    assert run("webhook-replay", "--event", "evt_done")[0] == 0
    assert outcomes()["evt_done"] is None
    assert run("webhook-replay", "--event", "evt_none") == (1, "There is no such event.\n")


def test_of_very_many_events_the_newest_are_listed(client, committed, billing, monkeypatch):
    """R19: the list does not load everything."""
    monkeypatch.setattr(commands, "SHOWN", 2)
    for number in range(4):
        send(client, event(id=f"evt_{number}"))
    with SessionLocal() as db, db.begin():
        db.execute(update(WebhookEvent).values(outcome="dead"))
    shown = run("webhook-replay")[1]
    assert [f"evt_{number}" in shown for number in range(4)] == [False, False, True, True]
    assert shown.endswith("These are the newest 2 of 4.\n")


def test_events_are_worked_off_again_in_batches(client, committed, billing, monkeypatch):
    for number in range(3):
        send(client, event(id=f"evt_{number}"))
    with SessionLocal() as db, db.begin():
        db.execute(update(WebhookEvent).values(outcome="dead"))
    monkeypatch.setattr(processing, "in_batches", partial(batches.in_batches, size=1))
    assert run("webhook-replay", "--failed") == (0, "The worker will process 3 again.\n")
    assert set(outcomes().values()) == {None}

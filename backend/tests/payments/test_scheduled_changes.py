"""A change of plan at the end of the period, and other actions before that."""

from datetime import datetime, timedelta

import pytest

from app.routers.payments.operations import doctor
from tests.auth.factories import make_user
from tests.payments.factories import plan_of
from tests.payments.steps import MINE, outcome, payer, subscribe, subscription_row, told
from tests.payments.stripe_side import plain_http
from tests.payments.test_account import delete_account
from tests.payments.test_changes import choose, paid
from tests.support.mails import mails_to

HOURS = 3600


def schedule(client, plan="pro"):
    answer = client.post(f"{MINE}/change", json={"plan": plan, "when": "period_end"})
    assert answer.status_code == 200, answer.text
    return answer.json()


def shown(client):
    return client.get(MINE).json()


def scheduled_slug(client):
    found = shown(client)["scheduled_plan"]
    return found and found["plan"]["slug"]


def pass_period(side, client, user, *, more=2 * HOURS):
    """End the period, pay the renewal, and deliver every event."""
    end = datetime.fromisoformat(shown(client)["current_period_end"])
    side.advance(to=int(end.timestamp()) + more)
    told(client, side, user)


def test_a_downgrade_waits_for_the_end_of_the_period(client, subscriber, stripe_side):
    before, charged = shown(client), paid(stripe_side, subscriber)
    assert before["scheduled_plan"] is None
    answer = schedule(client)
    assert answer["scheduled_plan"]["plan"] == client.get("/payments/plans").json()[1]
    assert answer["scheduled_plan"]["starts_at"] == before["current_period_end"]
    assert {**answer, "scheduled_plan": None} == before
    assert paid(stripe_side, subscriber) == charged
    told(client, stripe_side, subscriber)
    assert shown(client) == answer
    assert doctor.find_differences(patience=0) == []
    pass_period(stripe_side, client, subscriber)
    after = shown(client)
    assert (after["plan"]["slug"], after["scheduled_plan"], after["status"]) == (
        "pro",
        None,
        "active",
    )
    assert after["entitlements"] == plan_of("pro").entitlements
    assert paid(stripe_side, subscriber) == charged + plan_of("pro").amount
    assert doctor.find_differences(patience=0) == []
    pass_period(stripe_side, client, subscriber)
    assert (shown(client)["plan"]["slug"], subscription_row(subscriber.stripe).schedule_id) == (
        "pro",
        None,
    )


@pytest.mark.parametrize("plan", ["team-yearly", "pro-yearly", "pro"])
def test_the_preview_shows_what_the_next_period_costs(client, subscriber, stripe_side, plan):
    preview = client.post(f"{MINE}/preview", json={"plan": plan, "when": "period_end"}).json()
    assert preview["amount_due"] == plan_of(plan).amount
    assert [line["amount"] for line in preview["lines"]] == [plan_of(plan).amount]
    assert subscription_row(subscriber.stripe).previewed_price_id is None
    charged = paid(stripe_side, subscriber)
    schedule(client, plan)
    pass_period(stripe_side, client, subscriber)
    assert shown(client)["plan"]["slug"] == plan
    assert paid(stripe_side, subscriber) == charged + preview["amount_due"]


def test_a_second_click_schedules_once_and_another_plan_replaces(client, subscriber, stripe_side):
    first = schedule(client)
    kept = subscription_row(subscriber.stripe).schedule_id
    assert schedule(client) == first
    assert schedule(client, "pro-yearly")["scheduled_plan"]["plan"]["slug"] == "pro-yearly"
    assert subscription_row(subscriber.stripe).schedule_id == kept
    schedules = stripe_side.api.subscription_schedules.list(
        {"customer": payer(subscriber).stripe_id}
    ).data
    assert [len(one.phases) for one in schedules] == [2]


def test_a_waiting_change_is_taken_back(client, subscriber, stripe_side):
    before = shown(client)
    schedule(client)
    answer = client.delete(f"{MINE}/scheduled")
    assert (answer.status_code, answer.content) == (204, b"")
    assert shown(client) == before
    assert client.delete(f"{MINE}/scheduled").status_code == 204
    told(client, stripe_side, subscriber)
    pass_period(stripe_side, client, subscriber)
    assert shown(client)["plan"]["slug"] == "team"
    assert doctor.find_differences(patience=0) == []


def test_nobody_takes_back_what_is_not_theirs(client, subscriber, login):
    schedule(client)
    login(make_user())
    assert outcome(client.delete(f"{MINE}/scheduled")) == (404, "no_subscription")
    assert subscription_row(subscriber.stripe).scheduled_price_id == plan_of("pro").stripe_price_id


def test_the_public_is_refused(client, db):
    assert client.delete(f"{MINE}/scheduled").status_code == 401


@pytest.mark.parametrize("when", ["later", "", None, 1])
@pytest.mark.parametrize("action", ["change", "preview"])
def test_there_are_two_moments_to_change(client, subscriber, action, when):
    assert outcome(client.post(f"{MINE}/{action}", json={"plan": "pro", "when": when})) == (
        422,
        "validation_error",
    )


@pytest.mark.parametrize(
    ("plan", "refusal"), [("team", "already_on_plan"), ("free", "plan_not_for_sale")]
)
def test_what_cannot_be_chosen_is_refused(client, subscriber, plan, refusal):
    answer = client.post(f"{MINE}/change", json={"plan": plan, "when": "period_end"})
    assert outcome(answer) == (409, refusal)


@pytest.mark.parametrize("seen_first", [True, False])
def test_who_cancels_changes_nothing_later(client, subscriber, stripe_side, seen_first):
    """Stripe refuses to cancel a subscription that a schedule manages."""
    schedule(client)
    if seen_first:
        told(client, stripe_side, subscriber)
    answer = client.post(f"{MINE}/cancel", json={}).json()
    assert (answer["cancel_at_period_end"], answer["scheduled_plan"]) == (True, None)
    assert client.post(f"{MINE}/resume").json()["cancel_at_period_end"] is False
    assert client.post(f"{MINE}/cancel", json={}).json()["plan"]["slug"] == "team"
    told(client, stripe_side, subscriber)
    pass_period(stripe_side, client, subscriber)
    assert outcome(client.get(MINE)) == (404, "no_subscription")
    assert doctor.find_differences(patience=0) == []


def test_who_cancels_at_once_cancels_the_change_too(client, subscriber, stripe_side):
    schedule(client)
    answer = client.post(f"{MINE}/cancel", json={"at_period_end": False}).json()
    assert (answer["status"], answer["scheduled_plan"]) == ("canceled", None)
    told(client, stripe_side, subscriber)
    assert doctor.find_differences(patience=0) == []
    assert "subscription_schedule.canceled" in [
        one["type"] for one in stripe_side.events(subscriber.stripe)
    ]


@pytest.mark.parametrize("word", ["cancel_at", "cancel_at_period_end"])
def test_who_would_leave_and_chooses_a_plan_goes_on_with_it(client, subscriber, stripe_side, word):
    end = (
        stripe_side.api.subscriptions.retrieve(subscriber.stripe)["items"]
        .data[0]
        .current_period_end
    )
    wish = {word: True if word == "cancel_at_period_end" else end}
    stripe_side.api.subscriptions.update(subscriber.stripe, wish)
    told(client, stripe_side, subscriber)
    assert shown(client)["cancel_at"]
    preview = client.post(f"{MINE}/preview", json={"plan": "pro", "when": "period_end"}).json()
    assert preview["amount_due"] == plan_of("pro").amount
    answer = schedule(client)
    assert (answer["cancel_at_period_end"], answer["cancel_at"]) == (False, None)
    assert answer["scheduled_plan"]["plan"]["slug"] == "pro"
    pass_period(stripe_side, client, subscriber)
    assert (shown(client)["plan"]["slug"], shown(client)["status"]) == ("pro", "active")


def test_a_change_at_once_takes_the_place_of_one_that_waits(client, subscriber, stripe_side):
    schedule(client)
    answer = choose(client, "change", "team-yearly").json()
    assert (answer["plan"]["slug"], answer["scheduled_plan"]) == ("team-yearly", None)
    told(client, stripe_side, subscriber)
    pass_period(stripe_side, client, subscriber)
    assert shown(client)["plan"]["slug"] == "team-yearly"
    assert doctor.find_differences(patience=0) == []


def test_after_the_change_a_subscription_is_managed_as_before(client, subscriber, stripe_side):
    """At Stripe, the schedule lasts for the first period at the new price."""
    schedule(client)
    pass_period(stripe_side, client, subscriber)
    assert stripe_side.api.subscriptions.retrieve(subscriber.stripe).schedule
    assert client.post(f"{MINE}/cancel", json={}).json()["cancel_at_period_end"] is True
    assert client.post(f"{MINE}/resume").json()["cancel_at_period_end"] is False
    assert schedule(client, "team")["scheduled_plan"]["plan"]["slug"] == "team"
    pass_period(stripe_side, client, subscriber)
    assert shown(client)["plan"]["slug"] == "team"


@pytest.mark.parametrize("wish", ["cancel", "resume"])
def test_the_portal_does_what_its_visitor_wants(client, subscriber, stripe_side, wish):
    """An action in the portal also replaces a waiting change."""
    schedule(client)
    portal = client.post("/payments/portal").json()["url"]
    answer = plain_http().post(f"{portal}/subscriptions/{subscriber.stripe}/{wish}", data={})
    assert answer.is_redirect
    told(client, stripe_side, subscriber)
    found = shown(client)
    assert (found["scheduled_plan"], found["cancel_at_period_end"]) == (None, wish == "cancel")


def test_there_is_no_second_subscription_while_a_change_waits(client, subscriber):
    schedule(client)
    assert outcome(client.post("/payments/checkout", json={"plan": "pro"})) == (
        409,
        "already_subscribed",
    )


def test_a_discount_survives_the_change(client, login, sold_plans, stripe_side):
    user = login(make_user())
    coupon = stripe_side.api.coupons.create({"percent_off": 50, "duration": "forever"}).id
    subscribe(stripe_side, user, discounts=[{"coupon": coupon}])
    told(client, stripe_side, user)
    charged = paid(stripe_side, user)
    schedule(client)
    pass_period(stripe_side, client, user)
    assert paid(stripe_side, user) == charged + plan_of("pro").amount // 2


def test_a_change_during_a_trial_waits_for_the_trials_end(client, login, sold_plans, stripe_side):
    user = login(make_user())
    subscribe(stripe_side, user, trial_period_days=14)
    told(client, stripe_side, user)
    answer = schedule(client)
    assert answer["scheduled_plan"]["starts_at"] == answer["trial_end"]
    stripe_side.advance(seconds=int(timedelta(days=11, hours=1).total_seconds()))
    told(client, stripe_side, user)
    assert any("it costs 12.00 EUR per month" in mail.text for mail in mails_to(user.email))
    pass_period(stripe_side, client, user)
    after = shown(client)
    assert (after["status"], after["plan"]["slug"], after["scheduled_plan"]) == (
        "active",
        "pro",
        None,
    )


@pytest.mark.parametrize("fault", ["lost", "error"])
@pytest.mark.parametrize("path", ["/v1/subscription_schedules", "/v1/subscription_schedules/"])
def test_what_broke_in_the_middle_is_asked_for_again(client, subscriber, stripe_side, fault, path):
    stripe_side.chaos(next=[{"fault": fault, "method": "POST", "path": path, "times": 3}])
    answer = client.post(f"{MINE}/change", json={"plan": "pro", "when": "period_end"})
    assert answer.status_code in (200, 503)
    stripe_side.chaos()
    assert schedule(client)["scheduled_plan"]["plan"]["slug"] == "pro"
    told(client, stripe_side, subscriber)
    assert scheduled_slug(client) == "pro"
    assert doctor.find_differences(patience=0) == []


def test_to_resume_what_goes_on_leaves_what_waits(client, subscriber, stripe_side):
    before = schedule(client)
    assert client.post(f"{MINE}/resume").json() == before
    told(client, stripe_side, subscriber)
    assert shown(client) == before


def test_while_stripe_is_away_nothing_is_scheduled(client, subscriber, settings):
    settings(STRIPE_API_BASE="http://127.0.0.1:1")
    for answer in (
        client.post(f"{MINE}/change", json={"plan": "pro", "when": "period_end"}),
        client.post(f"{MINE}/preview", json={"plan": "pro", "when": "period_end"}),
    ):
        assert outcome(answer) == (503, "payments_unavailable")
    assert scheduled_slug(client) is None


def test_an_account_whose_change_waits_is_not_deleted(client, subscriber):
    """The account still has a live subscription."""
    schedule(client)
    assert outcome(delete_account(client)) == (409, "subscription_active")
    assert scheduled_slug(client) == "pro"

"""Checks of payments, for `make doctor`.

`make billing-doctor` also compares every payer with Stripe, which takes longer.
"""

from collections.abc import Callable
from itertools import islice
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from app.core.combinations import reaches_stripe
from app.core.config import get_settings
from app.platform.doctor import Finding, check, failure, invariant, ok, warning

from . import gateway
from .gateway import PaymentsMisconfigured, PaymentsUnavailable, StripeRefused
from .operations import endpoints, invariants
from .plans import plan_file, publishing

STRIPE = "stripe"
SHOWN = 3  # number of broken rules that the table lists
SECONDS = 25.0  # for two calls, each of which ends within 10 seconds


@check(STRIPE, seconds=SECONDS)
def stripe() -> Finding | None:
    """Check that Stripe accepts our key, and that the account may charge."""
    settings = get_settings()
    if not settings.payments_enabled:
        return None
    place = urlsplit(settings.stripe_api_base).netloc

    def look() -> Finding:
        account = gateway.read_account()
        detail = f"{place} accepts our key for the account {account.id}."
        if account.can_charge:
            return ok(detail)
        return failure(
            f"{detail} This account may not charge anyone.",
            "Finish the activation of the account in Stripe's dashboard.",
        )

    return _asking(look)


@check("stripe plans", seconds=SECONDS, needs=STRIPE)
def plans() -> Finding | None:
    if not get_settings().payments_enabled:
        return None

    def look() -> Finding:
        try:
            offers = plan_file.read_plan_file()
        except plan_file.BrokenCatalogue as error:
            return failure(f"plans.toml cannot be used: {error}", "Correct the file.")
        steps = publishing.catalogue_differences(offers, publishing.read_catalogue(offers))
        if not steps:
            return ok("Stripe has the plans in plans.toml.")
        return warning(
            f"Stripe differs from plans.toml. Number of changes needed: {len(steps)}",
            "`make plans-sync` shows the changes, and `make plans-sync apply=yes` makes them.",
        )

    return _asking(look)


@check("stripe webhook", seconds=SECONDS, needs=STRIPE)
def webhook() -> Finding | None:
    settings = get_settings()
    # In development, `make dev` registers the endpoint at the simulator. Developers who
    # use Stripe itself run `stripe listen`, which needs no endpoint.
    if not (settings.payments_enabled and settings.is_deployed and reaches_stripe(settings)):
        return None

    def look() -> Finding:
        if flaws := endpoints.endpoint_flaws(gateway.list_endpoints()):
            return failure(f"{'. '.join(flaws)}.", "Run `make webhook-register`.")
        return ok(f"Stripe sends our events to {endpoints.webhook_url()}.")

    return _asking(look)


def _asking(look: Callable[[], Finding]) -> Finding:
    """Run a check that calls Stripe. In development, if the simulator does not respond,
    return only a warning.
    """
    settings = get_settings()
    try:
        return look()
    except PaymentsMisconfigured as error:
        return failure(f"{error.reason}.", "Copy the key from Stripe's dashboard again.")
    except StripeRefused as refusal:
        return failure(
            f"Stripe refused the request: {refusal.words or refusal.reason}",
            "Check what the key in STRIPE_SECRET_KEY may read.",
        )
    except PaymentsUnavailable:
        if settings.is_deployed or reaches_stripe(settings):
            return failure(
                f"{settings.stripe_api_base} does not respond.",
                "Check STRIPE_API_BASE and the network, and read status.stripe.com.",
            )
        return warning(
            f"The Stripe simulator at {settings.stripe_api_base} does not respond.",
            "Start `make dev`, which runs it, or set PAYMENTS_ENABLED=false.",
        )


@invariant("billing rules")
def rules(db: Session) -> Finding:
    """Check the rules of our own tables, which do not depend on Stripe."""
    broken = list(islice(invariants.broken_invariants(db), SHOWN + 1))
    if not broken:
        return ok("All payments rows follow the rules.")
    more = " There are more." if len(broken) > SHOWN else ""
    listed = "; ".join(f"{one.subject}: {one.rule}, but {one.found}" for one in broken[:SHOWN])
    return failure(
        f"Some payments rows break a rule: {listed}.{more}",
        "Run `make billing-doctor`, and then `make billing-doctor fix=yes`.",
    )

"""What Stripe's failures are to us."""

from types import MappingProxyType

from app.core.errors import AppError, Conflict, Unavailable


class PaymentsUnavailable(Unavailable):
    """Stripe does not answer, not in time, or it says that it is its fault. What was asked may have been done."""

    code = "payments_unavailable"
    detail = "Payments are unavailable right now. Try again in a moment."


class PaymentsMisconfigured(PaymentsUnavailable):
    """Stripe does not know our key, or there is none. `reason` is for operators: clients are not told it."""

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason


class PaymentsOff(PaymentsMisconfigured):
    """An operator has switched payments off, for good or for a time."""

    detail = "Payments are switched off (PAYMENTS_ENABLED=false)."

    def __init__(self) -> None:
        super().__init__(self.detail)


class PlanUnavailable(PaymentsUnavailable):
    """Stripe does not sell the plan: somebody archived its price there, or deleted it."""

    detail = "This plan cannot be bought right now. Choose another one, or try again later."


class CurrencyMismatch(Conflict):
    """All that a customer has at Stripe is in one currency, and a subscription keeps its own."""

    code = "currency_mismatch"
    detail = (
        "This plan is in a different currency from your subscription. Let the subscription end, then choose this plan."
    )


class StripeRefused(AppError):
    """Stripe understood, and would not: a bug of ours, or its objects are no longer what we take them for.

    `reason` is Stripe's code, such as `resource_missing`, and `parameter` what it would not take, such as
    `discounts[0][promotion_code]`; either may be empty, as may `words`, its message. Callers catch those that they
    expect.
    """

    status = 502
    code = "payment_refused"
    detail = "Stripe refused this request. Nothing was changed."

    def __init__(self, reason: str = "", parameter: str = "", words: str = "") -> None:
        super().__init__()
        self.reason = reason
        self.parameter = parameter
        self.words = words

    @property
    def is_missing(self) -> bool:
        return self.reason == "resource_missing"

    @property
    def is_about_price(self) -> bool:
        """The price that was asked for is archived or gone, or the product that it belongs to is."""
        return self.parameter.endswith(("[price]", "[plan]")) or "is inactive" in self.words

    @property
    def is_about_currency(self) -> bool:
        """Stripe has no code of its own for this refusal, only words."""
        return not self.parameter.startswith("discounts") and "currenc" in self.words


class PaymentFailed(AppError):
    """402: the card was declined, or its owner has to confirm. `pay_url` is a page of Stripe's to do it, or null."""

    status = 402
    code = "payment_failed"
    detail = "The payment did not go through. Complete it at `pay_url` if there is one, or use another card."
    commits = True  # what Stripe did all the same has been written down
    extra = MappingProxyType(
        {
            "pay_url": {
                "type": ["string", "null"],
                "description": "The Stripe page where the payment can be completed.",
                "examples": ["https://invoice.stripe.com/i/acct_1/test_1"],
            }
        }
    )


class InvalidSignature(AppError):
    """This request is not from Stripe, or too old, or too early."""

    status = 400
    code = "invalid_signature"
    detail = "The `Stripe-Signature` header does not match the body, or its time is more than five minutes off."

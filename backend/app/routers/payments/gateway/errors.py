"""The exceptions that this application raises in place of Stripe's errors."""

from types import MappingProxyType

from app.core.errors import AppError, Conflict, Unavailable


class PaymentsUnavailable(Unavailable):
    """Stripe does not respond, responds too late, or reports a failure of its own.

    What was requested may have been done.
    """

    code = "payments_unavailable"
    detail = "Payments are unavailable right now. Try again in a moment."


class PaymentsMisconfigured(PaymentsUnavailable):
    """Stripe does not know our key, or we have none.

    `reason` is for operators. Clients are not told.
    """

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason


class PaymentsOff(PaymentsMisconfigured):
    """An operator has switched payments off, permanently or for a time."""

    detail = "Payments are switched off (PAYMENTS_ENABLED=false)."

    def __init__(self) -> None:
        super().__init__(self.detail)


class PlanUnavailable(PaymentsUnavailable):
    """Stripe does not sell the plan, because someone has archived or deleted its price
    there.
    """

    detail = "This plan cannot be bought right now. Choose another one, or try again later."


class CurrencyMismatch(Conflict):
    """The plan has another currency than the customer.

    A customer at Stripe has one currency for everything, and a subscription keeps its
    currency.
    """

    code = "currency_mismatch"
    detail = (
        "This plan is in a different currency from your subscription. Let the subscription end, "
        "then choose this plan."
    )


class StripeRefused(AppError):
    """Stripe understood the request, and refused it.

    Either we have a bug, or Stripe's objects are no longer what we take them for.
    `reason` is Stripe's code, such as `resource_missing`. `parameter` is what Stripe
    refused, such as `discounts[0][promotion_code]`. `words` is Stripe's message. Each
    may be empty. Callers catch the refusals that they expect.
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
        """Return whether the price or its product is archived or deleted."""
        return self.parameter.endswith(("[price]", "[plan]")) or "is inactive" in self.words

    @property
    def is_about_currency(self) -> bool:
        """Return whether the refusal is about the currency.

        Stripe has no code for this refusal, only a message.
        """
        return not self.parameter.startswith("discounts") and "currenc" in self.words


class PaymentFailed(AppError):
    """402: the card was declined, or its owner has to confirm the payment.

    `pay_url` is the Stripe page on which to do so, or null.
    """

    status = 402
    code = "payment_failed"
    detail = (
        "The payment did not go through. Complete it at `pay_url` if there is one, or use "
        "another card."
    )
    commits = True  # what Stripe has done all the same is stored
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
    """The request does not come from Stripe, or its time is too far off."""

    status = 400
    code = "invalid_signature"
    detail = (
        "The `Stripe-Signature` header does not match the body, or its time is more than five "
        "minutes off."
    )

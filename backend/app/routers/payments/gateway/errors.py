"""What Stripe's failures are to us."""

from types import MappingProxyType

from app.core.errors import AppError, Unavailable


class PaymentsUnavailable(Unavailable):
    """Stripe does not answer, not in time, or it says that it is its fault. What was asked may have been done."""

    code = "payments_unavailable"
    detail = "Payments are not available right now. Try again in a moment."


class PaymentsMisconfigured(PaymentsUnavailable):
    """Stripe does not know our key, or there is none: for operators, to be seen in the log."""


class StripeRefused(AppError):
    """Stripe understood, and would not: a bug of ours, or its objects are no longer what we take them for.

    `reason` is Stripe's code, such as `resource_missing`, and `parameter` what it would not take, such as
    `discounts[0][promotion_code]`; either may be empty. Callers catch those that they expect.
    """

    status = 502
    code = "payment_refused"
    detail = "Stripe refused this. Nothing was changed."

    def __init__(self, reason: str = "", parameter: str = "") -> None:
        super().__init__()
        self.reason = reason
        self.parameter = parameter

    @property
    def is_missing(self) -> bool:
        return self.reason == "resource_missing"


class PaymentFailed(AppError):
    """402: the card was declined, or its owner has to confirm. `pay_url` is a page of Stripe's to do it, or null."""

    status = 402
    code = "payment_failed"
    detail = "The payment did not go through."
    commits = True  # what Stripe did all the same has been written down
    extra = MappingProxyType(
        {
            "pay_url": {
                "type": ["string", "null"],
                "description": "Stripe's page where the payment can be finished.",
                "examples": ["https://invoice.stripe.com/i/acct_1/test_1"],
            }
        }
    )


class InvalidSignature(AppError):
    """This request is not from Stripe, or too old, or too early."""

    status = 400
    code = "invalid_signature"
    detail = "The signature does not fit."

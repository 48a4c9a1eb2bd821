"""Our exceptions for Stripe's errors."""

from types import MappingProxyType

from app.core.errors import AppError, Conflict, Unavailable


class PaymentsUnavailable(Unavailable):
    """Stripe does not respond, responds too late, or reports an internal error.

    Stripe may still have carried out the request.
    """

    code = "payments_unavailable"
    detail = "Payments are unavailable right now. Try again in a moment."


class PaymentsMisconfigured(PaymentsUnavailable):
    """Stripe refuses our key, or no key is set.

    `reason` is for operators. Clients do not see it.
    """

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason


class PaymentsOff(PaymentsMisconfigured):
    """PAYMENTS_ENABLED is false, so payments are switched off."""

    detail = "Payments are switched off (PAYMENTS_ENABLED=false)."

    def __init__(self) -> None:
        super().__init__(self.detail)


class PlanUnavailable(PaymentsUnavailable):
    """The price of the plan is archived or deleted at Stripe."""

    detail = "This plan cannot be bought right now. Choose another plan, or try again later."


class CurrencyMismatch(Conflict):
    """The plan has a different currency from the customer.

    At Stripe, all of a customer's subscriptions must have the same currency, and a
    subscription cannot change its currency.
    """

    code = "currency_mismatch"
    detail = (
        "This plan is in a different currency from your subscription. Let the subscription end, "
        "then choose this plan."
    )


class StripeRefused(AppError):
    """Stripe understood the request, and refused it.

    Either we have a bug, or an object at Stripe is not in the expected state. `reason`
    is Stripe's code, such as `resource_missing`. `parameter` is the refused parameter,
    such as `discounts[0][promotion_code]`. `words` is Stripe's message. Each of these
    may be empty. Callers catch the refusals they expect.
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
        """Return whether Stripe refused an archived or deleted price or product.

        Stripe names no parameter for an archived product, so its message is checked.
        """
        return self.parameter.endswith(("[price]", "[plan]")) or "inactive" in self.words

    @property
    def is_about_currency(self) -> bool:
        """Return whether the refusal is about the currency.

        Stripe has no code for this refusal, so its message is checked.
        """
        return not self.parameter.startswith("discounts") and "currenc" in self.words


class PaymentFailed(AppError):
    """The card was declined, or the cardholder has to confirm the payment (402).

    `pay_url` is the Stripe page on which to pay or confirm, or null.
    """

    status = 402
    code = "payment_failed"
    detail = (
        "The payment did not go through. Complete it at `pay_url` if there is one, or use "
        "another card."
    )
    commits = True  # so that changes already made at Stripe are stored
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
    """The signature is not Stripe's, or was made more than five minutes from now."""

    status = 400
    code = "invalid_signature"
    detail = (
        "The `Stripe-Signature` header does not match the body, or its timestamp is more than five "
        "minutes off."
    )

"""Stripe's error objects, and their messages: https://docs.stripe.com/api/errors."""

from typing import Any, Literal

from simulator.objects import Object, public_object

ErrorType = Literal["api_error", "card_error", "idempotency_error", "invalid_request_error"]

DOCS = "https://stripe.com/docs/error-codes"


class StripeError(Exception):
    """The error that a call returns instead of an object.

    With `keeps_changes`, the unit of work is committed despite the error, because the
    failure itself must be recorded. For example, a declined payment leaves a payment
    intent, a charge and their events. `details` are further members of the error
    object, such as `decline_code`, `charge` or `payment_intent`.
    """

    def __init__(  # noqa: PLR0913 - the members of Stripe's error object
        self,
        message: str,
        *,
        status: int = 400,
        kind: ErrorType = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        keeps_changes: bool = False,
        **details: Any,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.kind = kind
        self.code = code
        self.param = param
        self.keeps_changes = keeps_changes
        self.details = details

    def body(self, request_id: str) -> Object:
        known = {"code": self.code, "param": self.param, **self.details}
        error: Object = {"message": self.message, "type": self.kind}
        error |= {name: value for name, value in known.items() if value is not None}
        if self.code:
            error["doc_url"] = f"{DOCS}/{self.code.replace('_', '-')}"
        error["request_log_url"] = f"https://dashboard.stripe.com/test/logs/{request_id}"
        return {"error": public_object(error)}


def missing_object(kind: str, object_id: str, param: str = "id") -> StripeError:
    """Return the error for a missing object.

    The status is 404 if the URL names the object, and 400 if a parameter does.
    """
    words = (
        kind.rpartition(".")[2].replace("_", " ") if kind != "payment_method" else "PaymentMethod"
    )
    return StripeError(
        f"No such {words}: '{object_id}'",
        status=404 if param == "id" else 400,
        code="resource_missing",
        param=param,
    )


def unsupported_feature(param: str, why: str = "") -> StripeError:
    """Return the error for a feature that Stripe has and the simulator does not.

    The simulator never ignores such a parameter silently.
    """
    reason = why or "Stripe accepts this parameter, but the simulator does not implement it."
    return StripeError(f"{reason} ({param})", code="simulator_unsupported", param=param)


def account_invalid(account: str) -> StripeError:
    """Return the error for a call on behalf of another account."""
    return StripeError(
        f"The provided key does not have access to account '{account}' (or that account does not "
        "exist). Application access may have been revoked.",
        status=403,
        code="account_invalid",
    )


def card_error(message: str, code: str, **details: Any) -> StripeError:
    """Return an error with status 402.

    `details` are `param`, `decline_code` and the objects of the payment. The changes
    before the error are kept, because Stripe records declines.
    """
    return StripeError(
        message, status=402, kind="card_error", code=code, keeps_changes=True, **details
    )

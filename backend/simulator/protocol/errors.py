"""Stripe's error objects (https://docs.stripe.com/api/errors), and the sentences that
Stripe says in them.
"""

from typing import Any, Literal

from simulator.objects import Object, public

ErrorType = Literal["api_error", "card_error", "idempotency_error", "invalid_request_error"]

DOCS = "https://stripe.com/docs/error-codes"


class StripeError(Exception):
    """What a call answers instead of an object.

    `keeps_changes`: the unit of work is committed all the same, because the failure
    itself is history: a declined card leaves its payment intent, its charge and their
    events. `details` are further members of the error object, such as `decline_code`,
    `charge` or `payment_intent`.
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
        return {"error": public(error)}


def missing(kind: str, object_id: str, param: str = "id") -> StripeError:
    """There is no such object: 404 when the URL names it, 400 when a parameter does."""
    words = (
        kind.rpartition(".")[2].replace("_", " ") if kind != "payment_method" else "PaymentMethod"
    )
    return StripeError(
        f"No such {words}: '{object_id}'",
        status=404 if param == "id" else 400,
        code="resource_missing",
        param=param,
    )


def unsupported(param: str, why: str = "") -> StripeError:
    """Stripe knows this, the simulator does not: said aloud, because to ignore it would
    be a lie.
    """
    reason = why or "Stripe takes this parameter, but the simulator does not implement it."
    return StripeError(f"{reason} ({param})", code="simulator_unsupported", param=param)


def account_invalid(account: str) -> StripeError:
    """A call in the name of an account that is not the caller's own."""
    return StripeError(
        f"The provided key does not have access to account '{account}' (or that account does not "
        "exist). Application access may have been revoked.",
        status=403,
        code="account_invalid",
    )


def card_error(message: str, code: str, **details: Any) -> StripeError:
    """402; `details` are `param`, `decline_code` and objects. What led to it is kept:
    Stripe remembers declines.
    """
    return StripeError(
        message, status=402, kind="card_error", code=code, keeps_changes=True, **details
    )

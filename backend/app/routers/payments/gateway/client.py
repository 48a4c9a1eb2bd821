"""The client for Stripe's API: stripe-python with our limits on time and size.

stripe-python is imported by the first call, so that the import does not slow down
startup. A call connects within 3 seconds and ends within 10 seconds, including retries.
If there is no response, Stripe may still have carried out the request. So the request
is repeated with the same Idempotency-Key: immediately by stripe-python, and later by
the caller that stored the key.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from http import HTTPStatus
from typing import Any

import httpx2
import stripe

from app.core import outbound
from app.core.config import get_settings
from app.core.logging import get_logger

from .errors import (
    PaymentFailed,
    PaymentsMisconfigured,
    PaymentsOff,
    PaymentsUnavailable,
    StripeRefused,
)
from .version import API_VERSION

TOTAL_SECONDS = 10.0
MAX_BYTES = 20_000_000
REPETITIONS = 2
# Errors raised while reading a malformed response.
ODD = (AttributeError, LookupError, TypeError)

log = get_logger(__name__)


class _Http(stripe.HTTPClient):
    """An HTTP client that applies the time and size limits of the current call."""

    name = "httpx2"

    def __init__(self) -> None:
        super().__init__()
        self._client = outbound.http_client()

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        try:
            answer = self._client.request(method, url, headers=headers, content=post_data)
        except httpx2.TransportError as error:
            problem = f"{type(error).__name__}: {error}"
            repeat = outbound.time_left() > 0
            raise stripe.APIConnectionError(problem, should_retry=repeat) from error  # type: ignore[no-untyped-call]  # stripe's
        return answer.text, answer.status_code, answer.headers

    def _sleep_time_seconds(self, num_retries: int) -> float:
        return min(super()._sleep_time_seconds(num_retries), outbound.time_left())

    def close(self) -> None:
        self._client.close()


@lru_cache
def http() -> _Http:
    """Return the HTTP client that all calls in this process share."""
    return _Http()


@lru_cache
def _client(key: str, base: str) -> stripe.StripeClient:
    return stripe.StripeClient(
        key,
        stripe_version=API_VERSION,
        base_addresses={"api": base},
        max_network_retries=REPETITIONS,
        http_client=http(),
    )


@contextmanager
def calling() -> Iterator[stripe.StripeClient]:
    """Yield a client for a call to Stripe. No transaction may be open.

    Raises `PaymentsUnavailable`, `PaymentFailed`, `StripeRefused`.
    """
    settings = get_settings()
    if not settings.payments_enabled:
        raise PaymentsOff
    if settings.stripe_secret_key is None:
        raise PaymentsMisconfigured("STRIPE_SECRET_KEY is not set")
    try:
        with outbound.call_budget(TOTAL_SECONDS, MAX_BYTES):
            yield _client(settings.stripe_secret_key.get_secret_value(), settings.stripe_api_base)
    except stripe.StripeError as error:
        raise _ours(error) from error
    except ODD as error:
        log.exception("stripe_answer_odd")
        raise PaymentsUnavailable from error


def _ours(error: stripe.StripeError) -> Exception:
    facts = {"status": error.http_status, "reason": error.code, "stripe_request": error.request_id}
    if isinstance(error, stripe.CardError):
        log.info("payment_failed", **facts)
        return PaymentFailed(members={"pay_url": None})
    if isinstance(error, stripe.AuthenticationError | stripe.PermissionError):
        log.error("stripe_key_refused", **facts)
        return PaymentsMisconfigured("Stripe refuses the key in STRIPE_SECRET_KEY")
    refused = isinstance(error, stripe.InvalidRequestError | stripe.IdempotencyError)
    # A conflict (409) means that an identical call is still running.
    if refused and error.http_status != HTTPStatus.CONFLICT:
        write = log.info if error.code == "resource_missing" else log.warning
        write("stripe_refused", **facts, message=error.user_message)
        return StripeRefused(
            error.code or "", getattr(error, "param", None) or "", error.user_message or ""
        )
    log.warning("stripe_unavailable", kind=type(error).__name__, **facts, message=str(error)[:200])
    return PaymentsUnavailable()

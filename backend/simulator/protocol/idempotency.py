"""Idempotency keys: the same key gives the same response for 24 hours.

https://docs.stripe.com/api/idempotent_requests
"""

import hashlib
import time
from dataclasses import dataclass

from simulator.durations import DAY
from simulator.objects import Object
from simulator.protocol.errors import StripeError
from simulator.state.store import Store
from simulator.state.work import Work

KEPT_SECONDS = DAY  # in real time, because clients retry in real time
MAX_KEY_LENGTH = 255


@dataclass(frozen=True)
class Attempt:
    """A request with an idempotency key. `fingerprint` identifies its parameters."""

    id: str
    key: str
    path: str
    fingerprint: str


def attempt_of(api_key: str, key: str, method: str, path: str, parameters: str) -> Attempt:
    if len(key) > MAX_KEY_LENGTH:
        raise StripeError(
            f"Idempotency-Key can have at most {MAX_KEY_LENGTH} characters.",
            kind="idempotency_error",
        )
    digest = hashlib.sha256(f"{method} {path}\n{parameters}".encode()).hexdigest()[:32]
    return Attempt(hashlib.sha256(f"{api_key} {key}".encode()).hexdigest()[:32], key, path, digest)


class Keys:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._running: set[str] = set()

    def stored_answer(self, attempt: Attempt) -> Object | None:
        """Return the response of the first request with this key.

        Raises `StripeError` if the first request had different parameters.
        """
        with self._store.work() as work:
            found = work.find("_answer", attempt.id)
        if not found or found["at"] < time.time() - KEPT_SECONDS:
            return None
        if found["fingerprint"] != attempt.fingerprint:
            raise StripeError(
                "Keys for idempotent requests can only be used with the same parameters they "
                f"were first used with. Try using a key other than '{attempt.key}' if you meant "
                "to execute a different request.",
                kind="idempotency_error",
            )
        return found

    def begin(self, attempt: Attempt) -> None:
        if attempt.id in self._running:
            raise StripeError(
                "There is currently another in-progress request using this Idempotency Key (that "
                "probably means you submitted twice, and the other request is still going "
                f"through): {attempt.key}. Please try again later.",
                status=409,
                kind="idempotency_error",
                code="idempotency_key_in_use",
            )
        self._running.add(attempt.id)

    def end(self, attempt: Attempt) -> None:
        self._running.discard(attempt.id)


def keep_response(work: Work, attempt: Attempt, request_id: str, status: int, body: str) -> None:
    """Store the response in the same unit of work as the effect of the request.

    Each new response removes up to two expired responses.
    """
    expired = time.time() - KEPT_SECONDS
    for old in work.ids("_answer")[:2]:
        if old == attempt.id or work.get("_answer", old)["at"] < expired:
            work.remove("_answer", old)
    kept: Object = {
        "object": "_answer",
        "id": attempt.id,
        "at": int(time.time()),
        "fingerprint": attempt.fingerprint,
    }
    work.put(kept | {"request": request_id, "status": status, "body": body})

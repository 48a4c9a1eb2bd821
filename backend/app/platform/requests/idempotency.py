"""Idempotency-Key: a repeated request takes effect only once.

A client repeats a request if it did not receive the response. First the key is
committed as "in progress". Then the endpoint runs, and its response is committed
together with its effect. So the database never contains the response without the
effect, or the effect without the response.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any, cast

from anyio import CancelScope, to_thread
from fastapi import Depends, Request, Response
from sqlalchemy import CursorResult, delete, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.core.errors import Conflict, Unprocessable
from app.core.keys import cipher, derive_keys
from app.core.logging import get_logger
from app.db import clock
from app.db.database import ending_threads, side_session
from app.db.demands import demand_again
from app.db.errors import conflicts
from app.platform.limits import AddressLimit
from app.platform.models import LEASE, IdempotencyKey
from app.platform.principal import current_viewer

HEADER = "Idempotency-Key"
KEPT = timedelta(hours=24)
VALID = re.compile(r"[\x21-\x7e]{1,255}")
KEPT_HEADERS = ("content-type", "location")
MAX_ANSWER = 256_000  # bytes; a larger response body is not stored
# The limit per address on new keys from callers without an account. Each key is a row
# that is kept for a day.
STRANGERS = AddressLimit("idempotency keys of strangers", "60 per hour")


class InvalidIdempotencyKey(Unprocessable):
    code = "invalid_idempotency_key"
    detail = f"{HEADER} must have 1 to 255 visible ASCII characters."


class IdempotencyKeyReused(Unprocessable):
    """The key was already used with a different query or body."""

    code = "idempotency_key_reused"
    detail = (
        "This key was already used for a different request. Use a new key for every new request."
    )


class IdempotencyInProgress(Conflict):
    """The first request with this key is still running."""

    code = "idempotency_in_progress"
    detail = "The first request with this key is still running. Try again in a moment."

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "1"})


class AnswerNotKept(Conflict):
    """The first request succeeded, but its response was too large to be stored."""

    code = "idempotency_answer_not_kept"
    detail = (
        "The first request with this key succeeded, but its response was too large to store. "
        "Read the resource that it created."
    )


class Claim:
    """The claim of one request on its key.

    A claim lasts until the response is stored or the request fails, but at most for
    `LEASE`.
    """

    def __init__(self, request: Request, key: str, body: bytes) -> None:
        if not VALID.fullmatch(key):
            raise InvalidIdempotencyKey
        self._request = request
        self._key = key
        self._fingerprints = _digests(
            request.url.query, request.headers.get("content-type", ""), body
        )
        self._digests: list[str] = []
        self._expired: IdempotencyKey | None = None
        self._row: IdempotencyKey | None = None
        self._db: Session | None = None
        self._mine: tuple[int, datetime] | None = None
        self._stored = False

    def find(self, db: Session) -> Response | None:
        """Return the stored response, or `None`.

        Call this when the caller is known and the input is valid. Raises
        `IdempotencyKeyReused`, `IdempotencyInProgress` or `AnswerNotKept`.
        """
        client = self._request.client
        caller = current_viewer(self._request) or f"address {client.host if client else ''}"
        self._digests = _digests(
            caller, self._request.method, self._request.url.path, self._key.encode()
        )
        self._db = db
        found = select(IdempotencyKey, IdempotencyKey.expires_at > clock.now())
        row, is_taken = db.execute(
            found.where(IdempotencyKey.digest.in_(self._digests))
        ).first() or (None, False)
        if row and is_taken:
            return self._repeat(row)
        self._expired = row
        return None

    def begin(self) -> None:
        """Claim the key, after `find` has found it to be free.

        Raises `IdempotencyInProgress`. Raises `TooManyRequests` if a caller without an
        account sends too many new keys.
        """
        db = self._db
        assert db
        if current_viewer(self._request) is None:
            STRANGERS(self._request)
        self._row = self._take_over(db, self._expired) if self._expired else self._insert(db)
        # These values are copied, because a rollback would expire the row, and
        # `release` needs them afterwards.
        self._mine = (self._row.id, self._row.expires_at)
        db.commit()  # other requests must see "in progress" before the effect begins
        demand_again(db)  # the commit has released the locks on which the authorisation relied

    def _repeat(self, row: IdempotencyKey) -> Response:
        if row.fingerprint not in self._fingerprints:
            raise IdempotencyKeyReused
        if row.answer is None:
            raise IdempotencyInProgress
        stored = json.loads(cipher("idempotent answers").decrypt(row.answer))
        if stored["body"] is None:
            location = stored["headers"].get("location")
            raise AnswerNotKept(headers={"Location": location} if location else None)
        headers = {**stored["headers"], "Idempotency-Replayed": "true"}
        return Response(base64.b64decode(stored["body"]), stored["status"], headers)

    def _insert(self, db: Session) -> IdempotencyKey:
        row = IdempotencyKey(digest=self._digests[0], fingerprint=self._fingerprints[0])
        db.add(row)
        with conflicts({"uq_idempotency_keys_digest": IdempotencyInProgress}):
            db.flush()
        return row

    def _take_over(self, db: Session, row: IdempotencyKey) -> IdempotencyKey:
        """Claim an expired key. If several requests try, only one succeeds."""
        mine = (IdempotencyKey.id == row.id, IdempotencyKey.expires_at == row.expires_at)
        times = {"created_at": clock.now(), "expires_at": clock.now(LEASE)}
        fresh = {"fingerprint": self._fingerprints[0], "answer": None, **times}
        taken = cast(
            "CursorResult[Any]", db.execute(update(IdempotencyKey).where(*mine).values(fresh))
        )
        if taken.rowcount != 1:
            raise IdempotencyInProgress
        return row

    def store(self, response: Response) -> None:
        """Store a 2xx response, in the same transaction as the request's own changes.

        A body over `MAX_ANSWER` is not stored.
        """
        if not (self._row and self._db and 200 <= response.status_code < 300):  # noqa: PLR2004 - the 2xx class
            return
        body = bytes(response.body)
        answer = {
            "status": response.status_code,
            "headers": {
                name: response.headers[name] for name in KEPT_HEADERS if name in response.headers
            },
            "body": base64.b64encode(body).decode() if len(body) <= MAX_ANSWER else None,
        }
        self._row.answer = cipher("idempotent answers").encrypt(json.dumps(answer).encode())
        self._row.expires_at = clock.now(KEPT)
        self._db.flush()
        self._stored = True

    def release(self) -> None:
        """Free the key of a request that had no effect.

        Without this, a retry would have to wait until the lease expires.
        """
        if self._mine is None:
            return
        row_id, expires_at = self._mine
        # Another request may have claimed the key after our lease ended.
        running = (IdempotencyKey.answer.is_(None), IdempotencyKey.expires_at == expires_at)
        try:
            with side_session() as db:
                db.execute(delete(IdempotencyKey).where(IdempotencyKey.id == row_id, *running))
        except SQLAlchemyError as error:
            get_logger(__name__).warning("idempotency_key_kept", reason=str(error))

    @property
    def settled(self) -> bool:
        return self._row is None or self._stored


async def _settle(request: Request) -> AsyncIterator[None]:
    """Release the key of a request that failed.

    This dependency ends after `get_db`, so it knows whether the transaction was
    committed. A planned route calls `settle` itself.
    """
    committed = False
    try:
        yield
        committed = True
    finally:
        if claim := _unsettled(request, committed=committed):
            with CancelScope(shield=True):
                await to_thread.run_sync(claim.release, limiter=ending_threads())


def settle(request: Request, *, committed: bool) -> None:
    """Do what `_settle` does, for a planned route."""
    if claim := _unsettled(request, committed=committed):
        claim.release()


def _unsettled(request: Request, *, committed: bool) -> Claim | None:
    claim: Claim | None = getattr(request.state, "claim", None)
    return claim if claim and not (committed and claim.settled) else None


SettleClaim = Depends(_settle, scope="function")


def _digests(*parts: str | bytes) -> list[str]:
    """Return one digest for each key: the current key first, then the previous one.

    Without the digest for the previous key, a request that is repeated after a key
    change would take effect twice.
    """
    return [_digest(key, *parts) for key in derive_keys("idempotency")]


def _digest(key: bytes, *parts: str | bytes) -> str:
    """Return a keyed hash over all parts.

    The length of each part is included, so that different lists of parts never have the
    same input. The hash is keyed because a body can contain a password, which could
    otherwise be guessed from the hash.
    """
    whole = hmac.new(key, digestmod=hashlib.sha256)
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        whole.update(len(raw).to_bytes(8, "big") + raw)
    return whole.hexdigest()

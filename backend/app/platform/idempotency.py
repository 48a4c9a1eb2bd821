"""Idempotency-Key: a request that is sent again, because its answer was lost, has its effect once.

First the key is committed as "in progress", then the endpoint runs, and its answer commits together with its effect.
So whatever fails in between, the answer is never there without the effect, nor the effect without the answer.
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
from app.core.principal import viewer
from app.db import clock
from app.db.database import ending_threads, side_session
from app.db.demands import demand_again
from app.db.errors import conflicts

from .limits import AddressLimit
from .models import LEASE, IdempotencyKey

HEADER = "Idempotency-Key"
KEPT = timedelta(hours=24)
VALID = re.compile(r"[\x21-\x7e]{1,255}")
KEPT_HEADERS = ("content-type", "location")
MAX_ANSWER = 256_000  # bytes of a body that are kept
# New keys from one address without an account. Each one is a row for a day.
STRANGERS = AddressLimit("idempotency keys of strangers", "60 per hour")


class InvalidIdempotencyKey(Unprocessable):
    code = "invalid_idempotency_key"
    detail = f"{HEADER} takes 1 to 255 visible ASCII characters."


class IdempotencyKeyReused(Unprocessable):
    """The key came before, with another body."""

    code = "idempotency_key_reused"
    detail = "This key was used for another request. Use a new key for every new request."


class IdempotencyInProgress(Conflict):
    """The first request with this key is still running."""

    code = "idempotency_in_progress"
    detail = "The first request with this key is still running. Ask again in a moment."

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "1"})


class AnswerNotKept(Conflict):
    """The first request succeeded, but its answer was too large to be stored."""

    code = "idempotency_answer_not_kept"
    detail = "The first request with this key succeeded, but its answer was too large to keep. Read what it created."


class Claim:
    """One request's hold on its key, for `LEASE`, until its answer is stored or it failed."""

    def __init__(self, request: Request, key: str, body: bytes) -> None:
        if not VALID.fullmatch(key):
            raise InvalidIdempotencyKey
        self._request = request
        self._key = key
        self._fingerprints = _digests(request.url.query, request.headers.get("content-type", ""), body)
        self._digests: list[str] = []
        self._expired: IdempotencyKey | None = None
        self._row: IdempotencyKey | None = None
        self._db: Session | None = None
        self._mine: tuple[int, datetime] | None = None
        self._stored = False

    def find(self, db: Session) -> Response | None:
        """Return the stored answer, if there is one. Runs once the caller is known and the input is valid.

        Raises `IdempotencyKeyReused`, `IdempotencyInProgress`, `AnswerNotKept`.
        """
        client = self._request.client
        caller = viewer(self._request) or f"address {client.host if client else ''}"
        self._digests = _digests(caller, self._request.method, self._request.url.path, self._key.encode())
        self._db = db
        found = select(IdempotencyKey, IdempotencyKey.expires_at > clock.now())
        row, is_taken = db.execute(found.where(IdempotencyKey.digest.in_(self._digests))).first() or (None, False)
        if row and is_taken:
            return self._repeat(row)
        self._expired = row
        return None

    def begin(self) -> None:
        """Take the key that `find` found free. Raises `IdempotencyInProgress`.

        Raises `TooManyRequests` for a caller without an account who sends too many new keys.
        """
        db = self._db
        assert db
        if viewer(self._request) is None:
            STRANGERS(self._request)
        self._row = self._take_over(db, self._expired) if self._expired else self._insert(db)
        # Kept apart from the row: a roll-back expires it, and then nobody could say any more which one to free.
        self._mine = (self._row.id, self._row.expires_at)
        db.commit()  # "in progress" must be seen by others before the effect begins
        demand_again(db)  # with it the locks went under which the caller was allowed to do this

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
        """An expired key is free again, for one of those who find it so."""
        mine = (IdempotencyKey.id == row.id, IdempotencyKey.expires_at == row.expires_at)
        times = {"created_at": clock.now(), "expires_at": clock.now(LEASE)}
        fresh = {"fingerprint": self._fingerprints[0], "answer": None, **times}
        taken = cast("CursorResult[Any]", db.execute(update(IdempotencyKey).where(*mine).values(fresh)))
        if taken.rowcount != 1:
            raise IdempotencyInProgress
        return row

    def store(self, response: Response) -> None:
        """Store a 2xx answer in the transaction of its effect. A body over `MAX_ANSWER` is left out."""
        if not (self._row and self._db and 200 <= response.status_code < 300):  # noqa: PLR2004 - the 2xx class
            return
        body = bytes(response.body)
        answer = {
            "status": response.status_code,
            "headers": {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers},
            "body": base64.b64encode(body).decode() if len(body) <= MAX_ANSWER else None,
        }
        self._row.answer = cipher("idempotent answers").encrypt(json.dumps(answer).encode())
        self._row.expires_at = clock.now(KEPT)
        self._db.flush()
        self._stored = True

    def release(self) -> None:
        """Free the key of a request that had no effect, so that the next try need not wait for the lease."""
        if self._mine is None:
            return
        row_id, expires_at = self._mine
        running = (IdempotencyKey.answer.is_(None), IdempotencyKey.expires_at == expires_at)  # not another's by now
        try:
            with side_session() as db:
                db.execute(delete(IdempotencyKey).where(IdempotencyKey.id == row_id, *running))
        except SQLAlchemyError as error:
            get_logger(__name__).warning("idempotency_key_kept", reason=str(error))

    @property
    def settled(self) -> bool:
        return self._row is None or self._stored


async def _settle(request: Request) -> AsyncIterator[None]:
    """Stands outside `get_db`, so its end sees whether the transaction was committed."""
    committed = False
    try:
        yield
        committed = True
    finally:
        claim: Claim | None = getattr(request.state, "claim", None)
        if claim and not (committed and claim.settled):
            with CancelScope(shield=True):
                await to_thread.run_sync(claim.release, limiter=ending_threads())


SettleClaim = Depends(_settle, scope="function")


def _digests(*parts: str | bytes) -> list[str]:
    """One hash by each key: what was stored under the key before is found, so the request has no second effect."""
    return [_digest(key, *parts) for key in derive_keys("idempotency")]


def _digest(key: bytes, *parts: str | bytes) -> str:
    """One hash over parts that cannot run into each other, with a key: a body can hold a password, to be guessed."""
    whole = hmac.new(key, digestmod=hashlib.sha256)
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        whole.update(len(raw).to_bytes(8, "big") + raw)
    return whole.hexdigest()

"""Recent responses by caller, kept for IDENTITY_CACHE_SECONDS.

Each response is kept under a keyed hash of the whole `Authorization` header. The memory
contains no token, and nothing with which an attacker could test guesses of a token.
"""

import hashlib
import secrets

from .entries import Entries, Entry, Key

MOST = 10_000  # maximum number of callers in memory

_key = secrets.token_bytes(32)


def digest_of(authorization: bytes) -> bytes:
    """Return the digest under which the responses to a credential are kept."""
    return hashlib.blake2b(authorization, key=_key, digest_size=16).digest()


class Callers:
    """The kept responses, by caller and URL."""

    def __init__(self) -> None:
        self.entries = Entries(MOST)

    def find(self, authorization: bytes, key: Key, now: float) -> Entry | None:
        if not len(self.entries):
            return None
        return self.entries.find((digest_of(authorization), key), now)


callers = Callers()

"""Ids and secrets, which are the same for the same seed and the same calls."""

import hashlib

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
COUNTER_WIDTH = 8


_PAIRS = [first + second for first in ALPHABET for second in ALPHABET]


def base62(number: int, width: int) -> str:
    """Return the last digits of the number in base 62. `width` is even."""
    pairs = []
    for _ in range(width // 2):
        number, pair = divmod(number, len(_PAIRS))
        pairs.append(_PAIRS[pair])
    return "".join(reversed(pairs))


class Ids:
    """Generates ids such as `cus_1Kx81Qz00000007`, from the seed and a counter.

    States with different seeds never share an id. The counter never goes back, even if
    the unit of work that used a number is rolled back.
    """

    def __init__(self, seed: str, counter: int = 0) -> None:
        self.counter = counter
        self._requests = 0
        self._key = hashlib.blake2b(seed.encode()).digest()
        self.account = self._text("account", 6)
        self.account_id = f"acct_1{self._text('account id', 16)}"

    def new(self, prefix: str) -> str:
        self.counter += 1
        return f"{prefix}_1{self.account}{base62(self.counter, COUNTER_WIDTH)}"

    def request(self) -> str:
        """Return a request id.

        Requests have a separate counter, so that reading does not change the ids of
        objects.
        """
        self._requests += 1
        return f"req_{self.account}{base62(self._requests, COUNTER_WIDTH)}"

    def secret(self, length: int) -> str:
        """Return a secret that cannot be guessed without the seed."""
        self.counter += 1
        return self._text(f"secret {self.counter}", length)

    def stable(self, purpose: str, length: int) -> str:
        """Return a text, such as a card's fingerprint.

        The same seed and the same purpose always give the same text.
        """
        return self._text(f"stable {purpose}", length)

    def _text(self, purpose: str, length: int) -> str:
        text = ""
        while len(text) < length:
            digest = hashlib.blake2b(f"{purpose} {len(text)}".encode(), key=self._key[:64]).digest()
            text += base62(int.from_bytes(digest), 64)[-60:]
        return text[:length]

"""Time-based codes derived from a shared secret (TOTP, RFC 6238).

The authenticator app and the server derive the same code from the secret and the time.
A code is six digits of an HMAC-SHA-1, and changes every 30 seconds. Every authenticator
app supports these parameters. This module does not use the database.
"""

import hmac
import secrets
from base64 import b32decode, b32encode
from datetime import datetime
from urllib.parse import quote, urlencode

STEP_SECONDS = 30
DIGITS = 6
DRIFT = 1  # time steps by which the clocks may differ, in either direction
SECRET_BYTES = 20  # the length of an HMAC-SHA-1 (RFC 4226, section 4)


def new_secret() -> str:
    """Create a secret in base32, which people can type without a QR code."""
    return b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def otpauth_uri(secret: str, issuer: str, account: str) -> str:
    """Return the QR code text, in Google's Key URI Format."""
    facts = {
        "secret": secret,
        "issuer": issuer,
        "algorithm": "SHA1",
        "digits": DIGITS,
        "period": STEP_SECONDS,
    }
    label = f"{quote(issuer, safe='')}:{quote(account, safe='')}"
    return f"otpauth://totp/{label}?{urlencode(facts, quote_via=quote)}"


def code_at(secret: str, step: int) -> str:
    """Return the code for a time step (RFC 4226, 5.3)."""
    digest = hmac.digest(b32decode(secret), step.to_bytes(8, "big"), "sha1")
    start = digest[-1] & 0xF
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"


def step_at(moment: datetime) -> int:
    return int(moment.timestamp()) // STEP_SECONDS


def step_of(secret: str, code: str, moment: datetime, *, after: int | None = None) -> int | None:
    """Return the time step at which this code is correct, or `None`.

    Only time steps that are close to `moment` and later than `after` count.
    """
    here = step_at(moment)
    right = None
    # Compare every step, so that the response time reveals nothing.
    for step in range(here - DRIFT, here + DRIFT + 1):
        same = hmac.compare_digest(code_at(secret, step).encode(), code.encode("utf-8", "replace"))
        if same and (after is None or step > after):
            right = step
    return right


def normalise_code(code: str) -> str:
    """Normalise a typed code: remove spaces and dashes, and uppercase the letters."""
    return "".join(code.split()).replace("-", "").upper()

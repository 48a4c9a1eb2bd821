"""Keys for every purpose, all derived from `SECRET_KEY`, and what they sign or encrypt."""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import lru_cache

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.core.config import get_settings

SIGNATURE_BYTES = 16


class BadSignature(ValueError):
    """The value was not signed by us, or for another purpose."""


@lru_cache
def derive_key(purpose: str) -> bytes:
    """32 bytes for one purpose (HKDF, RFC 5869): no key serves two, so no token of one kind passes for another."""
    secret = get_settings().secret_key.get_secret_value().encode()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"liftoff {purpose}".encode()).derive(secret)


@lru_cache
def cipher(purpose: str) -> Fernet:
    """Authenticated encryption for what must be readable again, such as stored answers."""
    return Fernet(urlsafe_b64encode(derive_key(purpose)))


def sign(purpose: str, payload: bytes, context: str = "") -> str:
    """`payload`, readable and URL-safe, with a signature that also covers `context`."""
    return urlsafe_b64encode(_signature(purpose, payload, context) + payload).rstrip(b"=").decode()


def unsign(purpose: str, signed: str, context: str = "") -> bytes:
    """The payload that `sign` was given. Raises `BadSignature` for anything else, whatever it is."""
    try:
        raw = urlsafe_b64decode(signed.encode("ascii") + b"=" * (-len(signed) % 4))
    except ValueError as error:
        raise BadSignature from error
    signature, payload = raw[:SIGNATURE_BYTES], raw[SIGNATURE_BYTES:]
    # The decoder ignores stray characters and trailing bits; a token has one spelling only.
    if (
        not hmac.compare_digest(signature, _signature(purpose, payload, context))
        or sign(purpose, payload, context) != signed
    ):
        raise BadSignature
    return payload


def _signature(purpose: str, payload: bytes, context: str) -> bytes:
    bound = hashlib.sha256(context.encode()).digest() + payload
    return hmac.new(derive_key(purpose), bound, hashlib.sha256).digest()[:SIGNATURE_BYTES]

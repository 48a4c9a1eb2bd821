"""Keys for every purpose, all derived from `SECRET_KEY`, and what they sign or encrypt.

What `SECRET_KEY_PREVIOUS` has signed or encrypted is read, too: so the key can be changed while everything goes on.
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.core.config import get_settings

SIGNATURE_BYTES = 16


class BadSignature(ValueError):
    """The value was not signed by us, or for another purpose."""


def derive_key(purpose: str) -> bytes:
    """32 bytes for one purpose (HKDF, RFC 5869): no key serves two, so no token of one kind passes for another."""
    return derive_keys(purpose)[0]


def derive_keys(purpose: str) -> list[bytes]:
    """The key to write with, and behind it the one that was before, if there is one: to read with."""
    settings = get_settings()
    secrets = [settings.secret_key, *([settings.secret_key_previous] if settings.secret_key_previous else [])]
    return [_derive(purpose, secret.get_secret_value()) for secret in secrets]


@lru_cache(maxsize=256)
def _derive(purpose: str, secret: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"liftoff {purpose}".encode()).derive(secret.encode())


def cipher(purpose: str) -> MultiFernet:
    """Authenticated encryption for what must be readable again, such as stored answers."""
    return _cipher(*derive_keys(purpose))


@lru_cache(maxsize=256)
def _cipher(*keys: bytes) -> MultiFernet:
    return MultiFernet([Fernet(urlsafe_b64encode(key)) for key in keys])


def is_current(purpose: str, encrypted: str) -> bool:
    """Whether `cipher` would encrypt with the same key today."""
    try:
        _cipher(derive_key(purpose)).decrypt(encrypted)
    except InvalidToken:
        return False
    return True


def sign(purpose: str, payload: bytes, context: str = "") -> str:
    """`payload`, readable and URL-safe, with a signature that also covers `context`."""
    return _spelled(_signature(derive_key(purpose), payload, context) + payload)


def unsign(purpose: str, signed: str, context: str = "") -> bytes:
    """The payload that `sign` was given. Raises `BadSignature` for anything else, whatever it is."""
    try:
        raw = urlsafe_b64decode(signed.encode("ascii") + b"=" * (-len(signed) % 4))
    except ValueError as error:
        raise BadSignature from error
    signature, payload = raw[:SIGNATURE_BYTES], raw[SIGNATURE_BYTES:]
    expected = [_signature(key, payload, context) for key in derive_keys(purpose)]
    # The decoder ignores stray characters and trailing bits; a token has one spelling only.
    if not any(hmac.compare_digest(signature, one) for one in expected) or _spelled(raw) != signed:
        raise BadSignature
    return payload


def _spelled(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _signature(key: bytes, payload: bytes, context: str) -> bytes:
    bound = hashlib.sha256(context.encode()).digest() + payload
    return hmac.new(key, bound, hashlib.sha256).digest()[:SIGNATURE_BYTES]

"""Signing and encryption keys derived from `SECRET_KEY`, one for each purpose.

Values that were signed or encrypted with `SECRET_KEY_PREVIOUS` are still accepted, so
`SECRET_KEY` can be replaced while the service runs.
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
    """The value was not signed by us, or was signed for another purpose."""


def derive_key(purpose: str) -> bytes:
    """Return the 32-byte key for one purpose (HKDF, RFC 5869).

    Each purpose has its own key, so a token of one kind is never accepted as another
    kind.
    """
    return derive_keys(purpose)[0]


def derive_keys(purpose: str) -> list[bytes]:
    """Return the current key, and the previous key if there is one.

    The current key signs and encrypts. The previous key only verifies and decrypts.
    """
    settings = get_settings()
    secrets = [
        settings.secret_key,
        *([settings.secret_key_previous] if settings.secret_key_previous else []),
    ]
    return [_derive(purpose, secret.get_secret_value()) for secret in secrets]


@lru_cache(maxsize=256)
def _derive(purpose: str, secret: str) -> bytes:
    return HKDF(
        algorithm=SHA256(), length=32, salt=None, info=f"liftoff {purpose}".encode()
    ).derive(secret.encode())


def cipher(purpose: str) -> MultiFernet:
    """Return an authenticated cipher.

    Use the cipher for values that must be decrypted later, such as stored responses.
    """
    return _cipher(*derive_keys(purpose))


@lru_cache(maxsize=256)
def _cipher(*keys: bytes) -> MultiFernet:
    return MultiFernet([Fernet(urlsafe_b64encode(key)) for key in keys])


def is_current(purpose: str, encrypted: str) -> bool:
    """Return whether `encrypted` was encrypted with the current key."""
    try:
        _cipher(derive_key(purpose)).decrypt(encrypted)
    except InvalidToken:
        return False
    return True


def sign_payload(purpose: str, payload: bytes, context: str = "") -> str:
    """Return `payload` with a signature, in URL-safe base64.

    The payload is readable. The signature also covers `context`.
    """
    return _spelled(_signature(derive_key(purpose), payload, context) + payload)


def unsign_payload(purpose: str, signed: str, context: str = "") -> bytes:
    """Return the payload of a value that `sign_payload` returned.

    Raises `BadSignature` for any other value.
    """
    try:
        raw = urlsafe_b64decode(signed.encode("ascii") + b"=" * (-len(signed) % 4))
    except ValueError as error:
        raise BadSignature from error
    signature, payload = raw[:SIGNATURE_BYTES], raw[SIGNATURE_BYTES:]
    expected = [_signature(key, payload, context) for key in derive_keys(purpose)]
    # The decoder ignores stray characters and trailing bits, so several spellings give
    # the same value. Only one spelling may be valid.
    if not any(hmac.compare_digest(signature, one) for one in expected) or _spelled(raw) != signed:
        raise BadSignature
    return payload


def _spelled(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _signature(key: bytes, payload: bytes, context: str) -> bytes:
    bound = hashlib.sha256(context.encode()).digest() + payload
    return hmac.new(key, bound, hashlib.sha256).digest()[:SIGNATURE_BYTES]

"""Encryption of backups: AES-256-GCM in chunks, with a key derived from BACKUP_KEY.

A file begins with a magic line, a random salt and a tag. The key is derived from
BACKUP_KEY and the salt with scrypt, so each file has a different key. The tag shows
whether the key is right. So a wrong key is not mistaken for a damaged file.

Chunks of a fixed size follow, each with its own authentication tag. The nonce of a
chunk contains its number and a flag for the last chunk (the STREAM construction of
Hoang, Reyhanitabar, Rogaway and Vizár, 2015). So decryption fails if chunks were
changed, swapped, repeated or left out, or if the end of the file is missing.
"""

import hmac
import secrets
from collections.abc import Iterator
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from . import BackupFailed

MAGIC = b"LIFTOFF BACKUP 1\n"
SALT_BYTES, TAG_BYTES = 16, 16
CHUNK_BYTES = 2**20
# scrypt takes 32 MiB of memory and a twentieth of a second for each file.
COST, BLOCK = 2**15, 8
COUNTER_BYTES = 11


class Sealer:
    """Encrypts the content that is written to it.

    Without a call of `close`, the file has no valid end.
    """

    def __init__(self, file: BinaryIO, key: str) -> None:
        salt = secrets.token_bytes(SALT_BYTES)
        self._cipher, tag = _keys(key, salt)
        self._file, self._number, self._rest = file, 0, bytearray()
        file.write(MAGIC + salt + tag)

    def write(self, data: bytes) -> None:
        self._rest += data
        # At least one byte stays in the buffer, because `close` must mark the last
        # chunk.
        while len(self._rest) > CHUNK_BYTES:
            self._write_chunk(bytes(self._rest[:CHUNK_BYTES]), is_last=False)
            del self._rest[:CHUNK_BYTES]

    def close(self) -> None:
        self._write_chunk(bytes(self._rest), is_last=True)

    def _write_chunk(self, chunk: bytes, *, is_last: bool) -> None:
        nonce = _nonce(self._number, is_last=is_last)
        self._file.write(self._cipher.encrypt(nonce, chunk, None))
        self._number += 1


def unseal(file: BinaryIO, key: str) -> Iterator[bytes]:
    """Yield the content of a backup, chunk by chunk.

    Raises `BackupFailed` if the key is wrong or the file is damaged. Damage at the end
    of a file is noticed only when the end is read. So read all chunks once before you
    use any of them.
    """
    header = file.read(len(MAGIC) + SALT_BYTES + TAG_BYTES)
    magic, salt, tag = header[:-32], header[-32:-16], header[-16:]
    if magic != MAGIC:
        raise BackupFailed("This file is not a backup that `make backup` has written.")
    cipher, expected = _keys(key, salt)
    if not hmac.compare_digest(tag, expected):
        raise BackupFailed(
            "BACKUP_KEY is not the key of this backup, or the beginning of the file is damaged."
        )
    number, chunk = 0, file.read(CHUNK_BYTES + TAG_BYTES)
    while True:
        following = file.read(CHUNK_BYTES + TAG_BYTES)
        try:
            yield cipher.decrypt(_nonce(number, is_last=not following), chunk, None)
        except InvalidTag:
            raise BackupFailed(
                f"The backup is damaged or incomplete after {number} of its chunks. Use another "
                "backup."
            ) from None
        if not following:
            return
        number, chunk = number + 1, following


def _keys(key: str, salt: bytes) -> tuple[AESGCM, bytes]:
    """Return the cipher of a file, and the tag that identifies the right key."""
    derived = Scrypt(salt=salt, length=64, n=COST, r=BLOCK, p=1).derive(key.encode())
    tag = hmac.digest(derived[32:], MAGIC + salt, "sha256")[:TAG_BYTES]
    return AESGCM(derived[:32]), tag


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(COUNTER_BYTES, "big") + (b"\1" if is_last else b"\0")

"""The interface of both kinds of storage, their errors, and valid keys."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import BinaryIO, Protocol

from app.core.errors import NotFound

KEY = re.compile(r"(?:[a-z0-9][a-z0-9_-]{0,99}/){0,4}[a-z0-9][a-z0-9_.-]{0,99}")
FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


class StorageFailed(Exception):
    """The storage could not be used. The message is for operators, without a secret."""


class NoSuchObject(StorageFailed):
    """The storage has no object with this key."""


class StorageDisabled(NotFound):
    """A deployment without STORAGE_URL has no storage."""

    code = "storage_disabled"
    detail = "This deployment has no storage for files, so this is not available."


class Storage(Protocol):
    """Keeps objects. `key` must match `KEY`."""

    def write(self, key: str, content: BinaryIO) -> None:
        """Store an object, and replace the object that had this key."""

    def read(self, key: str) -> Iterator[bytes]:
        """Yield the content of an object. Raises `NoSuchObject`."""

    def delete(self, key: str) -> None:
        """Delete an object. Nothing happens if there is none."""

    def download_url(self, key: str, filename: str, life: timedelta) -> str:
        """Return a URL with which anyone can download the object for a time.

        A browser saves the file under `filename`. This calls no service.
        """


def checked_key(key: str) -> str:
    """Return the key. Raises `ValueError` for a key that could leave the storage."""
    if not KEY.fullmatch(key):
        raise ValueError(f"not a key of an object: {key!r}")
    return key


def attachment(filename: str) -> str:
    """Return the `Content-Disposition` header with which a browser saves a file."""
    if not FILE_NAME.fullmatch(filename):
        raise ValueError(f"not a plain name of a file: {filename!r}")
    return f'attachment; filename="{filename}"'

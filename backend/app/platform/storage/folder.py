"""Objects in a folder of this machine, for development and deployments on one host."""

import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from app.core.config import get_settings
from app.core.keys import BadSignature, sign_payload, unsign_payload
from app.core.types import utc_now

from .objects import NoSuchObject, StorageFailed, attachment, checked_key

CHUNK_BYTES = 2**16
PRIVATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL
PARTIAL = ".partial"
PURPOSE = "downloads from storage"


@dataclass(frozen=True)
class Download:
    """The permission of a signed URL: one object, until a time in Unix seconds.

    The time is that of this host's clock, because the folder is on this host, too.
    """

    key: str
    filename: str
    until: int


class FolderStorage:
    """Only the user that runs the server can read the files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def file_of(self, key: str) -> Path:
        return self._folder / checked_key(key)

    def write(self, key: str, content: BinaryIO) -> None:
        """Store an object, whose file gets its name once the content is on the disk."""
        file = self.file_of(key)
        partial = file.with_name(f"{file.name}.{secrets.token_hex(8)}{PARTIAL}")
        try:
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with os.fdopen(os.open(partial, PRIVATE, 0o600), "wb") as new:
                shutil.copyfileobj(content, new)
                new.flush()
                os.fsync(new.fileno())
            partial.rename(file)
        except OSError as error:
            raise _failed("written", error) from error
        finally:
            with suppress(OSError):
                partial.unlink()

    def read(self, key: str) -> Iterator[bytes]:
        try:
            with self.file_of(key).open("rb") as file:
                while chunk := file.read(CHUNK_BYTES):
                    yield chunk
        except FileNotFoundError as error:
            raise NoSuchObject(key) from error
        except OSError as error:
            raise _failed("read", error) from error

    def delete(self, key: str) -> None:
        try:
            self.file_of(key).unlink(missing_ok=True)
        except OSError as error:
            raise _failed("changed", error) from error

    def download_url(self, key: str, filename: str, life: timedelta) -> str:
        attachment(filename)
        until = int((utc_now() + life).timestamp())
        payload = json.dumps(asdict(Download(checked_key(key), filename, until))).encode()
        settings = get_settings()
        return (
            f"{settings.public_url}{settings.api_prefix}/storage/{sign_payload(PURPOSE, payload)}"
        )


def read_signed(signed: str) -> Download | None:
    """Return what a URL of `download_url` allows, or `None` if it is not valid now."""
    try:
        allowed = Download(**json.loads(unsign_payload(PURPOSE, signed)))
    except BadSignature:
        return None
    return allowed if allowed.until > utc_now().timestamp() else None


def _failed(what: str, error: OSError) -> StorageFailed:
    return StorageFailed(f"The storage cannot be {what}: {error.filename}: {error.strerror}.")

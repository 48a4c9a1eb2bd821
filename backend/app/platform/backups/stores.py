"""The database that is backed up and restored."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, Protocol

from sqlalchemy import URL, Engine

from app.core.config import Settings
from app.db.urls import normalise_database_url

from . import BackupFailed
from .manifest import Manifest
from .mysql import Mysql
from .postgresql import Postgresql
from .sqlite import Sqlite


class Snapshot(Protocol):
    """The state of the database at one moment."""

    @property
    def manifest(self) -> Manifest: ...


class Store(Protocol):
    """A database that can be dumped and restored."""

    kind: str
    url: URL

    def snapshot(self) -> AbstractContextManager[Any]: ...
    def dump(self, snapshot: Any) -> Iterator[bytes]: ...
    def replace(self, manifest: Manifest, dump: Iterator[bytes]) -> None: ...
    def trial(
        self, manifest: Manifest, dump: Iterator[bytes]
    ) -> AbstractContextManager[Engine]: ...
    def read(self, dump: Iterator[bytes]) -> None: ...
    def leftovers(self) -> list[str]: ...


STORES: dict[str, type[Postgresql] | type[Mysql] | type[Sqlite]] = {
    store.kind: store for store in (Postgresql, Mysql, Sqlite)
}


def store_of(settings: Settings) -> Store:
    """Return the database that the settings name, without its pooler."""
    url = settings.database_direct_url or settings.database_url
    found = normalise_database_url(url.get_secret_value())
    return STORES[found.get_backend_name()](found)


def key_of(settings: Settings) -> str:
    """Return BACKUP_KEY. Raises `BackupFailed` if it is not set."""
    if settings.backup_key is None:
        raise BackupFailed(
            'BACKUP_KEY is not set. Make one with: python3 -c "import secrets; '
            'print(secrets.token_urlsafe(48))". Keep it in a different place '
            "from the backups, because they cannot be read without it."
        )
    return settings.backup_key.get_secret_value()

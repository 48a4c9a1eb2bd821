"""Dumping and restoring an SQLite file with SQLite's own backup function.

The function copies the file in one transaction, and other processes may use the file at
the same time. So a copy is complete, and a failed restore changes nothing.
"""

import sqlite3
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import URL, Engine, create_engine

from . import BackupFailed
from .manifest import Manifest

BLOCK = 2**18
GZIP = 31  # zlib's number for the format of gzip files
LOCK_SECONDS = 30.0
TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
COUNT = 'SELECT count(*) FROM "{}"'


@dataclass(frozen=True)
class Snapshot:
    """A copy of the file, and the manifest that describes it."""

    manifest: Manifest
    file: Path


class Sqlite:
    """Dumps and restores one file."""

    kind = "sqlite"

    def __init__(self, url: URL) -> None:
        self.url = url
        self._file = Path(str(url.database))

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Copy the file into a private folder, and count the rows of the copy."""
        if not self._file.exists():
            raise BackupFailed(f"There is no database file {self._file}.")
        with self._room() as room:
            copy = room / "copy.db"
            with closing(sqlite3.connect(self._file)) as live, closing(_open(copy)) as target:
                live.backup(target, progress=_until_deadline())
                manifest = _manifest(target)
            yield Snapshot(manifest, copy)

    def dump(self, snapshot: Snapshot) -> Iterator[bytes]:
        """Yield the compressed copy."""
        packer = zlib.compressobj(wbits=GZIP)
        with snapshot.file.open("rb") as file:
            while block := file.read(BLOCK):
                yield packer.compress(block)
        yield packer.flush()

    def replace(self, manifest: Manifest, dump: Iterator[bytes]) -> None:
        """Replace the content of the file in one transaction."""
        with self._room() as room:
            copy = _unpack(room / "copy.db", dump)
            with closing(_open(copy)) as restored, closing(_open(self._file)) as live:
                _compare(restored, manifest)
                restored.backup(live, progress=_until_deadline())

    @contextmanager
    def trial(self, manifest: Manifest, dump: Iterator[bytes]) -> Iterator[Engine]:
        """Restore a dump into a scratch file, which is deleted afterwards."""
        with self._room() as room:
            copy = _unpack(room / "copy.db", dump)
            with closing(_open(copy)) as restored:
                _compare(restored, manifest)
            engine = create_engine(self.url.set(database=str(copy)))
            try:
                yield engine
            finally:
                engine.dispose()

    def read(self, dump: Iterator[bytes]) -> None:
        for _ in dump:
            pass

    def leftovers(self) -> list[str]:
        return []

    @contextmanager
    def _room(self) -> Iterator[Path]:
        """Yield a private folder next to the file. Other users cannot open it."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._file.parent, prefix=".backup-") as room:
            try:
                yield Path(room)
            except (sqlite3.Error, zlib.error) as error:
                raise BackupFailed(f"SQLite says: {error}.") from error


def _open(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(file, timeout=LOCK_SECONDS, isolation_level=None)


def _until_deadline() -> Callable[[int, int, int], None]:
    """Return a function that ends a copy if it waits too long for a lock."""
    deadline = time.monotonic() + LOCK_SECONDS

    def check(status: int, _left: int, _all: int) -> None:
        if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) and time.monotonic() > deadline:
            raise BackupFailed("Another process keeps writing to the file. Stop it first.")

    return check


def _unpack(file: Path, dump: Iterator[bytes]) -> Path:
    unpacker = zlib.decompressobj(wbits=GZIP)
    with file.open("wb") as target:
        for chunk in dump:
            target.write(unpacker.decompress(chunk))
        target.write(unpacker.flush())
    return file


def _compare(restored: sqlite3.Connection, manifest: Manifest) -> None:
    """Raise `BackupFailed` unless the copy is sound and has all its rows."""
    if (found := restored.execute("PRAGMA integrity_check").fetchone()[0]) != "ok":
        raise BackupFailed(f"The restored file is damaged: {found}")
    if (counted := _count(restored)) != manifest.rows:
        wrong = sorted(
            name
            for name in counted.keys() | manifest.rows.keys()
            if counted.get(name) != manifest.rows.get(name)
        )
        raise BackupFailed(f"These tables do not have all their rows: {', '.join(wrong)}")


def _count(connection: sqlite3.Connection) -> dict[str, int]:
    names = sorted(name for (name,) in connection.execute(TABLES))
    return {name: connection.execute(COUNT.format(name)).fetchone()[0] for name in names}


def _manifest(copy: sqlite3.Connection) -> Manifest:
    rows = _count(copy)
    if "alembic_version" not in rows:
        raise BackupFailed("This database was never migrated, so there is nothing to back up.")
    now = copy.execute("SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')").fetchone()[0]
    return Manifest(
        kind=Sqlite.kind,
        server=f"SQLite {sqlite3.sqlite_version}",
        revision=copy.execute("SELECT version_num FROM alembic_version").fetchone()[0],
        made_at=datetime.fromisoformat(now).replace(tzinfo=UTC),
        rows=rows,
    )

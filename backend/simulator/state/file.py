"""The state in a file, with one SQLite transaction for each unit of work.

At first, each object has its own row. The row is compressed by zlib, whose dictionary
is another object of the same kind. When there are many rows, their objects are moved
into packs. A pack holds some hundred objects of one kind that are compressed together,
so an invoice takes about 50 bytes. If an object is both in a row and in a pack, the row
has the current version. An empty row means that the object was deleted.
"""

import lzma
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from simulator.objects import decode

Key = tuple[str, str]
"""The kind and the id of an object."""
Changes = dict[Key, bytes | None]
"""The encoded objects. The value of a deleted object is `None`."""

FORMAT = "1"
MAX_ROWS = 2000  # maximum number of rows, not counting those that filled no pack
PACK_SIZE = 256
PRESET = 1  # for lzma: a higher level saves a tenth, but takes five times as long
GONE = b""
_TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS samples (kind TEXT PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS packs (
    number INTEGER PRIMARY KEY, kind TEXT NOT NULL, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS objects (
    number INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL,
    data BLOB NOT NULL, UNIQUE (kind, id));
"""


class UnusableState(Exception):
    """The file is not a state file, or another version of the simulator has written it.

    The message says what to do.
    """


class InUse(UnusableState):
    """The file is in use by another simulator."""


class NoFile:
    """A stand-in for the file of a state that is kept in memory only."""

    def close(self) -> None:
        pass

    def meta(self) -> dict[str, str]:
        return {}

    def objects(self) -> Iterator[tuple[Key, bytes]]:
        return iter(())

    def write(self, changes: Changes, meta: dict[str, str]) -> None:
        pass

    def clear(self) -> None:
        pass


class StateFile(NoFile):
    """A state file, which keeps committed changes even if the process is killed."""

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UnusableState(f"{path} cannot be used: {error.strerror}.") from error
        self._db = sqlite3.connect(path, timeout=1, isolation_level=None, check_same_thread=False)
        try:
            self._db.execute(
                "PRAGMA locking_mode = EXCLUSIVE"
            )  # two simulators would overwrite each other's state
            self._db.execute("PRAGMA auto_vacuum = INCREMENTAL")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute(
                "PRAGMA synchronous = NORMAL"
            )  # only a power failure can lose the last commits
            self._db.executescript(_TABLES)
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute("COMMIT")
            found = self.meta().get("format", FORMAT)
        except sqlite3.OperationalError as error:
            self._db.close()
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                raise InUse(f"{path} is in use. Is another simulator running?") from error
            raise UnusableState(f"{path} cannot be used: {error}.") from error
        except sqlite3.DatabaseError as error:
            self._db.close()
            raise UnusableState(
                f"{path} is not a state file of the simulator: {error}. Delete or move it."
            ) from error
        if found != FORMAT:
            self._db.close()
            raise UnusableState(
                f"{path} was written by another version of the simulator. Delete or move it."
            )
        self._samples: dict[str, bytes] = {}
        self._packed: dict[Key, int] = {}  # the number of each object's pack
        self._row_count = 0
        self._rest = 0  # how many rows were left when the last packs were made
        self._forget()

    def close(self) -> None:
        self._db.close()

    def meta(self) -> dict[str, str]:
        return dict(self._db.execute("SELECT name, value FROM meta"))

    def objects(self) -> Iterator[tuple[Key, bytes]]:
        """Read all objects, oldest first.

        Call this before any writing, because it records which pack holds which object.
        """
        rows = self._rows()
        for number, kind, data in self._db.execute(
            "SELECT number, kind, data FROM packs ORDER BY number"
        ):
            for key, packed in _unpack(kind, data):
                self._packed[key] = number
                newest = rows.pop(key, packed)
                if newest is not None:
                    yield key, newest
        for key, newest in rows.items():
            if newest is not None:
                yield key, newest

    def write(self, changes: Changes, meta: dict[str, str]) -> None:
        """Write all changes. If this fails, no change is written."""
        pack = self._row_count - self._rest + len(changes) > MAX_ROWS
        before = self._packed.copy() if pack else self._packed
        try:
            with self._transaction():
                if pack:
                    self._pack(self._rows() | changes)
                else:
                    for key, data in changes.items():
                        self._write_row(key, data)
                self._db.executemany(
                    "REPLACE INTO meta VALUES (?, ?)", [*meta.items(), ("format", FORMAT)]
                )
        except BaseException:
            self._forget()
            self._packed.update(before)
            raise
        (self._row_count,) = self._db.execute("SELECT count(*) FROM objects").fetchone()
        if pack:
            self._rest = self._row_count
            self._shrink()

    def clear(self) -> None:
        """Remove everything in one transaction, so that half a state never remains."""
        with self._transaction():
            for table in ("objects", "packs", "samples", "meta"):
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - one of four fixed names
        self._shrink()
        self._forget()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def _forget(self) -> None:
        """Forget what memory holds of the file, and read the small parts again."""
        self._samples = dict(self._db.execute("SELECT kind, data FROM samples"))
        self._packed = {}
        (self._row_count,) = self._db.execute("SELECT count(*) FROM objects").fetchone()

    def _rows(self) -> Changes:
        found = self._db.execute("SELECT kind, id, data FROM objects ORDER BY number")
        return {(kind, identity): self._expand(kind, data) for kind, identity, data in found}

    def _write_row(self, key: Key, data: bytes | None) -> None:
        if data is None and key not in self._packed:
            self._db.execute("DELETE FROM objects WHERE kind = ? AND id = ?", key)
            return
        self._db.execute(
            "INSERT INTO objects (kind, id, data) VALUES (?, ?, ?) "
            "ON CONFLICT (kind, id) DO UPDATE SET data = excluded.data",
            (*key, self._compress(key[0], data)),
        )

    def _compress(self, kind: str, data: bytes | None) -> bytes:
        if data is None:
            return GONE
        if kind not in self._samples:
            self._samples[kind] = data
            self._db.execute("REPLACE INTO samples VALUES (?, ?)", (kind, data))
        packer = zlib.compressobj(zdict=self._samples[kind])
        return packer.compress(data) + packer.flush()

    def _expand(self, kind: str, data: bytes) -> bytes | None:
        return (
            zlib.decompressobj(zdict=self._samples[kind]).decompress(data) if data != GONE else None
        )

    def _pack(self, newest: Changes) -> None:
        """Move the rows of each kind into full packs.

        Rows that are too few to fill another pack stay rows.
        """
        self._db.execute("DELETE FROM objects")
        self._repack({key: data for key, data in newest.items() if key in self._packed})
        kinds: dict[str, list[tuple[Key, bytes]]] = {}
        for key, data in newest.items():
            if key not in self._packed and data is not None:
                kinds.setdefault(key[0], []).append((key, data))
        for kind, found in kinds.items():
            full = len(found) - len(found) % PACK_SIZE
            for start in range(0, full, PACK_SIZE):
                part = found[start : start + PACK_SIZE]
                number = self._db.execute(
                    "INSERT INTO packs (kind, data) VALUES (?, ?)", (kind, _joined(part))
                ).lastrowid
                self._packed.update({key: number or 0 for key, _ in part})
            for key, data in found[full:]:
                self._write_row(key, data)

    def _repack(self, changed: Changes) -> None:
        """Rewrite the packs that hold these objects."""
        for number in sorted({self._packed[key] for key in changed}):
            kind, data = self._db.execute(
                "SELECT kind, data FROM packs WHERE number = ?", (number,)
            ).fetchone()
            kept = []
            for key, packed in _unpack(kind, data):
                newest = changed.get(key, packed)
                if newest is None:
                    del self._packed[key]
                else:
                    kept.append((key, newest))
            if kept:
                self._db.execute(
                    "UPDATE packs SET data = ? WHERE number = ?", (_joined(kept), number)
                )
            else:
                self._db.execute("DELETE FROM packs WHERE number = ?", (number,))

    def _shrink(self) -> None:
        """Return free space to the disk."""
        self._db.execute("PRAGMA incremental_vacuum").fetchall()
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _joined(objects: list[tuple[Key, bytes]]) -> bytes:
    return lzma.compress(b"\n".join(data for _, data in objects), preset=PRESET)


def _unpack(kind: str, data: bytes) -> Iterator[tuple[Key, bytes]]:
    for line in lzma.decompress(data).split(b"\n"):
        yield (kind, decode(line)["id"]), line

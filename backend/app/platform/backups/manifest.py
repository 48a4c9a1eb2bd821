"""The manifest of a backup: the first line of its content."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from . import BackupFailed
from .sealing import unseal

MAX_BYTES = 2**20  # the manifest is in the first chunk


@dataclass(frozen=True)
class Manifest:
    """The facts of a backup.

    `made_at` is the database's time. `rows` is the number of rows of each table at that
    moment. `schema` and `extensions` are empty unless the database is PostgreSQL.
    """

    kind: str
    server: str
    revision: str
    made_at: datetime
    rows: dict[str, int]
    schema: str = ""
    extensions: list[str] = field(default_factory=list)

    def to_line(self) -> bytes:
        facts = asdict(self) | {"made_at": self.made_at.isoformat()}
        return json.dumps(facts).encode() + b"\n"

    def __str__(self) -> str:
        return (
            f"{self.server}, revision {self.revision}, {sum(self.rows.values()):,} rows in "
            f"{len(self.rows)} tables, made at {self.made_at:%Y-%m-%d %H:%M:%S} UTC"
        )


def read_backup(file: Path, key: str) -> tuple[Manifest, Iterator[bytes]]:
    """Return the manifest of a backup and the dump that follows it. Raises
    `BackupFailed`.
    """
    chunks = _chunks(file, key)
    line, found, rest = next(chunks).partition(b"\n")
    if not found:
        raise BackupFailed("This backup has no manifest.")
    facts = json.loads(line)
    manifest = Manifest(**facts | {"made_at": datetime.fromisoformat(facts["made_at"])})

    def dump() -> Iterator[bytes]:
        yield rest
        yield from chunks

    return manifest, dump()


def verify_backup(file: Path, key: str) -> Manifest:
    """Read a whole backup, and return its manifest. Raises `BackupFailed`."""
    manifest, dump = read_backup(file, key)
    for _ in dump:
        pass
    return manifest


def _chunks(file: Path, key: str) -> Iterator[bytes]:
    try:
        with file.open("rb") as opened:
            yield from unseal(opened, key)
    except OSError as error:
        raise BackupFailed(f"{file} cannot be read: {error.strerror}.") from error

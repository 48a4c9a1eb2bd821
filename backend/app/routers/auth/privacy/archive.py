"""The archive with everything that the features know about a user."""

from collections.abc import Iterable, Iterator
from typing import BinaryIO
from zipfile import ZIP_DEFLATED, ZipFile

from pydantic_core import to_json

from app.core.features import discover
from app.platform.personal_data import Part, Record

from . import owned_rows


def write_archive(file: BinaryIO, user_id: int) -> None:
    """Write a ZIP file with a JSON file for each part of each feature's data.

    Records are read and written one after the other, so the size of the data is not
    limited by the memory.
    """
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        for feature, (name, found) in _parts(user_id):
            with archive.open(f"{feature}/{name}.json", "w", force_zip64=True) as entry:
                for piece in _as_array(found):
                    entry.write(piece)


def _parts(user_id: int) -> Iterator[tuple[str, Part]]:
    for feature in discover():
        own = feature.module("personal_data")
        parts = own.export(user_id) if own else owned_rows.export(feature, user_id)
        yield from ((feature.name, part) for part in parts)


def _as_array(found: Iterable[Record]) -> Iterator[bytes]:
    before = b"["
    for record in found:
        yield before + b"\n" + to_json(record)
        before = b","
    yield b"\n]\n" if before == b"," else b"[]\n"

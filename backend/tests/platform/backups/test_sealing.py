"""A restore notices if a backup was changed, shortened or reordered."""

import io

import pytest

from app.platform.backups import BackupFailed, sealing
from app.platform.backups.sealing import MAGIC, Sealer, unseal

KEY = "one key for one folder of backups"
HEADER = len(MAGIC) + 32
CHUNK = 64
SEALED = CHUNK + 16


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(sealing, "CHUNK_BYTES", CHUNK)
    monkeypatch.setattr(sealing, "COST", 2)


def sealed(content, key=KEY):
    file = io.BytesIO()
    sealer = Sealer(file, key)
    for start in range(0, len(content), 50):  # these steps do not match the size of the chunks
        sealer.write(content[start : start + 50])
    sealer.close()
    return file.getvalue()


def opened(file, key=KEY):
    return b"".join(unseal(io.BytesIO(file), key))


CONTENT = bytes(range(256))  # four chunks


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 4 * CHUNK, 4 * CHUNK + 1])
def test_every_size_comes_back(size):
    content = (CONTENT * 2)[:size]
    file = sealed(content)
    assert opened(file) == content
    if size >= CHUNK - 1:  # a short text may contain any one byte by chance
        assert content[: CHUNK - 1] not in file


def test_two_backups_of_the_same_content_differ():
    assert sealed(CONTENT)[len(MAGIC) :] != sealed(CONTENT)[len(MAGIC) :]


def test_another_key_is_named_as_the_reason():
    with pytest.raises(BackupFailed, match="BACKUP_KEY is not the key of this backup"):
        opened(sealed(CONTENT), key=KEY + "!")


def test_another_file_is_no_backup():
    with pytest.raises(BackupFailed, match="is not a backup"):
        opened(b"PGDMP" + CONTENT)
    with pytest.raises(BackupFailed, match="is not a backup"):
        opened(b"")


def test_every_changed_byte_is_noticed():
    file = sealed(CONTENT)
    for place in range(len(file)):
        changed = bytearray(file)
        changed[place] ^= 1
        with pytest.raises(BackupFailed):
            opened(bytes(changed))


def test_every_missing_end_is_noticed():
    file = sealed(CONTENT)
    for length in range(len(file)):
        with pytest.raises(BackupFailed):
            opened(file[:length])


def test_an_appended_byte_is_noticed():
    with pytest.raises(BackupFailed, match="damaged or incomplete after 3 of its chunks"):
        opened(sealed(CONTENT) + b"x")


@pytest.mark.parametrize(
    "order", [(1, 0, 2, 3), (0, 2, 1, 3), (0, 1, 2), (0, 0, 1, 2, 3), (3,), (0, 3)]
)
def test_chunks_in_another_order_are_noticed(order):
    file = sealed(CONTENT)
    chunks = [file[start : start + SEALED] for start in range(HEADER, len(file), SEALED)]
    with pytest.raises(BackupFailed, match="damaged or incomplete"):
        opened(file[:HEADER] + b"".join(chunks[number] for number in order))


def test_a_chunk_of_another_backup_is_noticed():
    one, other = sealed(CONTENT), sealed(CONTENT)
    with pytest.raises(BackupFailed, match="damaged or incomplete after 0"):
        opened(one[:HEADER] + other[HEADER:])

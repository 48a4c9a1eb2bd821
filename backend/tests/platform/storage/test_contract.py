"""Promises that both kinds of storage keep."""

from io import BytesIO

import pytest

from app.platform.storage import NoSuchObject
from tests.platform.storage.conftest import LIFE

KEY = "tests/one-object.zip"


def content(storage, key=KEY):
    return b"".join(storage.read(key))


@pytest.mark.parametrize("size", [0, 5, 200_000])
def test_what_was_written_is_read(storage, size):
    written = bytes(index % 251 for index in range(size))
    storage.write(KEY, BytesIO(written))
    assert content(storage) == written


def test_a_later_write_replaces_the_object(storage):
    storage.write(KEY, BytesIO(b"first"))
    storage.write(KEY, BytesIO(b"second"))
    assert content(storage) == b"second"


def test_an_object_that_does_not_exist_is_named(storage):
    with pytest.raises(NoSuchObject, match=KEY):
        content(storage)


def test_a_deleted_object_is_gone(storage):
    storage.write(KEY, BytesIO(b"one"))
    storage.delete(KEY)
    storage.delete(KEY)
    with pytest.raises(NoSuchObject):
        content(storage)


@pytest.mark.parametrize(
    "key", ["", "/etc/passwd", "../secret", "a/../../b", "a//b", ".hidden", "A", "a\0", "a b"]
)
def test_a_key_that_could_leave_the_storage_is_refused(storage, key):
    for use in (content, lambda store, it: store.write(it, BytesIO()), type(storage).delete):
        with pytest.raises(ValueError, match="not a key"):
            use(storage, key)
    with pytest.raises(ValueError, match="not a key"):
        storage.download_url(key, "file.zip", LIFE)


def test_a_signed_url_downloads_the_object(storage, db, fetch):
    storage.write(KEY, BytesIO(b"private"))
    answer = fetch(storage.download_url(KEY, "export.zip", LIFE))
    assert (answer.status_code, answer.content) == (200, b"private")
    assert answer.headers["content-disposition"] == 'attachment; filename="export.zip"'
    assert answer.headers["cache-control"] == "no-store"


def test_a_name_that_could_change_a_header_is_refused(storage):
    with pytest.raises(ValueError, match="not a plain name"):
        storage.download_url(KEY, 'a"; filename="b', LIFE)

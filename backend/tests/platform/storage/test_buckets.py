"""Objects in a bucket: what leaves this machine, and faults of the service."""

import socket
from io import BytesIO

import pytest

from app.platform.storage import StorageFailed, object_storage
from app.platform.storage import buckets as storage_buckets
from tests.platform.storage.conftest import LIFE
from tests.support import buckets

KEY = "tests/private.zip"


@pytest.fixture
def storage(settings, bucket_endpoint, bucket):
    settings(STORAGE_URL=buckets.storage_url(bucket_endpoint, bucket))
    return object_storage()


def test_objects_are_private_and_under_the_prefix(storage, bucket_endpoint, bucket):
    storage.write(KEY, BytesIO(b"private"))
    seen = buckets.administrator(bucket_endpoint).list_objects_v2(Bucket=bucket)
    assert [each["Key"] for each in seen["Contents"]] == [f"liftoff/{KEY}"]
    url = storage.download_url(KEY, "e.zip", LIFE)
    assert "X-Amz-Expires=300" in url
    assert buckets.SECRET not in url


def test_a_large_object_is_sent_in_parts(storage, monkeypatch):
    monkeypatch.setattr(storage_buckets, "PART_BYTES", 5 * 2**20)
    storage.write(KEY, BytesIO(b"x" * (6 * 2**20)))
    assert sum(map(len, storage.read(KEY))) == 6 * 2**20


def test_a_bucket_that_does_not_exist_is_named_by_its_code(settings, bucket_endpoint):
    settings(STORAGE_URL=buckets.storage_url(bucket_endpoint, "nobodys-bucket"))
    with pytest.raises(StorageFailed, match="NoSuchBucket"):
        object_storage().write(KEY, BytesIO(b"x"))


def test_a_service_that_is_away_is_reported_soon(settings):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    settings(STORAGE_URL=buckets.storage_url(f"http://127.0.0.1:{port}", "any-bucket"))
    for call in (
        lambda storage: storage.write(KEY, BytesIO(b"x")),
        lambda storage: list(storage.read(KEY)),
        lambda storage: storage.delete(KEY),
    ):
        with pytest.raises(StorageFailed, match="unavailable"):
            call(object_storage())


def test_a_service_that_never_answers_is_given_up(settings, monkeypatch):
    monkeypatch.setattr(storage_buckets, "CALL_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        settings(STORAGE_URL=buckets.storage_url(f"http://127.0.0.1:{port}", "any-bucket"))
        with pytest.raises(StorageFailed, match="unavailable: ReadTimeoutError"):
            object_storage().delete(KEY)


def test_a_transfer_ends_when_its_time_is_over(storage, monkeypatch):
    storage.write(KEY, BytesIO(b"x"))
    monkeypatch.setattr(storage_buckets, "TOTAL_SECONDS", -1)
    with pytest.raises(StorageFailed, match="took longer"):
        list(storage.read(KEY))

"""A server that speaks S3 for all tests of this folder, and both kinds of storage."""

import secrets
from datetime import timedelta

import httpx2
import pytest

from tests.support import buckets

LIFE = timedelta(minutes=5)


@pytest.fixture(scope="session")
def bucket_endpoint():
    with buckets.bucket_server() as url:
        yield url


@pytest.fixture
def bucket(bucket_endpoint):
    """The name of an empty bucket."""
    name = f"liftoff-{secrets.token_hex(4)}"
    buckets.make_bucket(bucket_endpoint, name)
    return name


@pytest.fixture(params=["folder", "bucket"])
def storage(request, settings, tmp_path):
    """The storage of the settings, of each kind."""
    from app.platform.storage import object_storage

    if request.param == "folder":
        settings(STORAGE_URL=(tmp_path / "objects").as_uri())
    else:
        endpoint = request.getfixturevalue("bucket_endpoint")
        name = request.getfixturevalue("bucket")
        settings(STORAGE_URL=buckets.storage_url(endpoint, name))
    return object_storage()


@pytest.fixture
def fetch(client):
    """`fetch(url)` reads a URL as a browser does, from the application or a bucket."""

    def get(url):
        if url.startswith("http://testserver"):
            return client.get(url)
        return httpx2.get(url)

    return get

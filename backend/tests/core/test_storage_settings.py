"""STORAGE_URL: which places it can name, and what it refuses."""

from pathlib import Path

import pytest

from app.core.config import ROOT
from app.core.storage_settings import BucketPlace, FolderPlace
from tests.core.safe_settings import SAFE, complaint

DEVELOPMENT = {"ENVIRONMENT": "development", "SECRET_KEY": SAFE["SECRET_KEY"]}


@pytest.mark.parametrize(
    "url",
    [
        "liftoff",
        "/var/lib/liftoff",
        "file:var/lib",
        "file://host/var/lib",
        "file:///var/lib?region=x",
        "s3://",
        "s3://Bucket",
        "s3://bucket/../other",
        "s3://bucket?acl=public-read",
        "s3://bucket?endpoint=storage.example.com",
        "s3://bucket?endpoint=https://storage.example.com/path",
        "s3://key@bucket",
        "s3://[bucket",
        "https://bucket.s3.amazonaws.com",
    ],
)
def test_a_url_that_names_no_storage_is_refused(environment, url):
    assert "STORAGE_URL" in complaint(environment, STORAGE_URL=url)


def test_a_bucket_has_a_prefix_a_region_and_keys(environment):
    url = "s3://AKIA1:se%2Fcret@files/of/us?region=eu-central-1&endpoint=https://s3.example.com"
    settings = environment(**DEVELOPMENT, STORAGE_URL=url)
    assert settings.storage_place == BucketPlace(
        "files", "of/us/", "eu-central-1", "https://s3.example.com", "AKIA1", "se/cret"
    )
    shown = repr(settings) + repr(settings.storage_place)
    assert "se/cret" not in shown
    assert "se%2Fcret" not in shown


def test_a_bucket_alone_is_enough(environment):
    settings = environment(**DEVELOPMENT, STORAGE_URL="s3://files")
    assert settings.storage_place == BucketPlace("files", "", None, None, None, None)


def test_development_has_a_folder_and_production_has_nothing(environment):
    assert environment(**DEVELOPMENT).storage_place == FolderPlace(ROOT / ".data" / "storage")
    assert environment(**SAFE).storage_place is None
    with_spaces = environment(**SAFE, STORAGE_URL="file:///srv/our%20files")
    assert with_spaces.storage_place == FolderPlace(Path("/srv/our files"))

"""The setting of the object storage, and the place that it names."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings

BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
PREFIX = re.compile(r"(?:[\w-]+/)*[\w-]+", re.ASCII)
OPTIONS = {"endpoint", "region"}
ENDPOINT = re.compile(r"https?://[^/?#@\s]+")
EXAMPLES = "must be a URL such as file:///var/lib/liftoff or s3://bucket?region=eu-central-1"


@dataclass(frozen=True)
class FolderPlace:
    """A folder of this machine that holds the objects."""

    folder: Path


@dataclass(frozen=True)
class BucketPlace:
    """A bucket, and how to reach it.

    Without a key, boto3 looks for credentials in its usual places.
    """

    bucket: str
    prefix: str
    region: str | None
    endpoint: str | None
    key: str | None
    secret: str | None = field(repr=False)


Place = FolderPlace | BucketPlace


def place_of(url: str) -> Place:
    """Return the place that a URL names.

    Raises `ValueError` with a reason that contains no secret.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError(EXAMPLES) from None
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if parts.scheme == "file" and not parts.netloc and parts.path.startswith("/") and not options:
        return FolderPlace(Path(unquote(parts.path)))
    name, prefix = parts.netloc.rpartition("@")[2], parts.path.strip("/")
    if parts.scheme != "s3" or not BUCKET.fullmatch(name) or parts.fragment:
        raise ValueError(EXAMPLES)
    if prefix and not PREFIX.fullmatch(prefix):
        raise ValueError("may have a path only of letters, digits, - and _ after the bucket")
    if options.keys() - OPTIONS:
        raise ValueError(f"may have only the options {' and '.join(sorted(OPTIONS))}")
    if "endpoint" in options and not ENDPOINT.fullmatch(options["endpoint"]):
        raise ValueError("must have an endpoint such as https://storage.example.com")
    if bool(parts.username) != bool(parts.password):
        raise ValueError("must have both an access key and a secret before the @, or neither")
    key, secret = (unquote(part) if part else None for part in (parts.username, parts.password))
    region, endpoint = options.get("region"), options.get("endpoint")
    return BucketPlace(name, f"{prefix}/" if prefix else "", region, endpoint, key, secret)


def _storage(url: SecretStr) -> SecretStr:
    place_of(url.get_secret_value())
    return url


class StorageFields(BaseSettings):
    """The setting of the object storage."""

    storage_url: Annotated[SecretStr, AfterValidator(_storage)] | None = Field(
        None, description="Where files of users are kept: a folder, or a bucket that speaks S3."
    )

    @property
    def storage_place(self) -> Place | None:
        """Return the place of the objects, or `None` if there is no storage."""
        return place_of(self.storage_url.get_secret_value()) if self.storage_url else None

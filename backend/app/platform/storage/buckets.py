"""Objects in a bucket that speaks S3, through boto3.

boto3 retries a call whose connection broke, and `CALL_SECONDS` bounds each wait for the
service. A service that sends a byte now and then is given up after `TOTAL_SECONDS`.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from threading import Lock
from typing import Any, BinaryIO

import boto3  # type: ignore[import-untyped]
from boto3.s3.transfer import TransferConfig  # type: ignore[import-untyped]
from botocore.config import Config  # type: ignore[import-untyped]
from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]

from app.core.storage_settings import BucketPlace

from .objects import NoSuchObject, StorageFailed, attachment, checked_key

CONNECT_SECONDS, CALL_SECONDS, TOTAL_SECONDS = 3.0, 10.0, 600.0
ATTEMPTS = 2
CHUNK_BYTES = 2**16
MISSING = {"NoSuchKey", "404"}
# A part of a large object. S3 allows 10,000 parts, so objects may have 160 GB.
PART_BYTES = 16 * 2**20


class BucketStorage:
    """Keeps objects under the prefix of the place, so a bucket can be shared."""

    def __init__(self, place: BucketPlace) -> None:
        self._place = place
        self._made: Any = None
        self._lock = Lock()  # boto3 makes clients in one thread at a time

    def write(self, key: str, content: BinaryIO) -> None:
        # Without threads of its own, the call ends in the thread that asked for it.
        parts = TransferConfig(
            use_threads=False, multipart_chunksize=PART_BYTES, multipart_threshold=PART_BYTES
        )
        with _translated(key):
            self._client.upload_fileobj(
                content,
                self._place.bucket,
                self._name(key),
                Config=parts,
                Callback=_within(TOTAL_SECONDS),
            )

    def read(self, key: str) -> Iterator[bytes]:
        with _translated(key):
            found = self._client.get_object(Bucket=self._place.bucket, Key=self._name(key))
            in_time = _within(TOTAL_SECONDS)
            with closing(found["Body"]) as body:
                for chunk in body.iter_chunks(CHUNK_BYTES):
                    in_time(len(chunk))
                    yield chunk

    def delete(self, key: str) -> None:
        with _translated(key):
            self._client.delete_object(Bucket=self._place.bucket, Key=self._name(key))

    def download_url(self, key: str, filename: str, life: timedelta) -> str:
        wanted = {
            "Bucket": self._place.bucket,
            "Key": self._name(key),
            "ResponseContentDisposition": attachment(filename),
            "ResponseCacheControl": "no-store",
        }
        with _translated(key):
            url: str = self._client.generate_presigned_url(
                "get_object", Params=wanted, ExpiresIn=int(life.total_seconds())
            )
        return url

    def _name(self, key: str) -> str:
        return f"{self._place.prefix}{checked_key(key)}"

    @property
    def _client(self) -> Any:
        with self._lock:
            if self._made is None:
                self._made = boto3.session.Session().client(
                    "s3",
                    endpoint_url=self._place.endpoint,
                    region_name=self._place.region,
                    aws_access_key_id=self._place.key,
                    aws_secret_access_key=self._place.secret,
                    config=_config(self._place),
                )
            return self._made


def _config(place: BucketPlace) -> Config:
    return Config(
        signature_version="s3v4",
        connect_timeout=CONNECT_SECONDS,
        read_timeout=CALL_SECONDS,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        # Servers of other makers seldom have a host name for each bucket. Not all of
        # them know the checksums that boto3 adds by default.
        s3={"addressing_style": "path" if place.endpoint else "virtual"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )


def _within(seconds: float) -> Callable[[int], None]:
    """Return a function that raises `StorageFailed` once the time is over."""
    ends_at = time.monotonic() + seconds

    def check(_bytes: int) -> None:
        if time.monotonic() > ends_at:
            raise StorageFailed(f"The storage took longer than {seconds:.0f} s.")

    return check


@contextmanager
def _translated(key: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in MISSING:
            raise NoSuchObject(key) from error
        raise StorageFailed(f"The storage refuses: {code}.") from error
    except (BotoCoreError, boto3.exceptions.Boto3Error) as error:
        raise StorageFailed(f"The storage is unavailable: {type(error).__name__}.") from error

"""A server that speaks S3, as a real process."""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]

START_SECONDS = 60
KEY, SECRET = "AKIALIFTOFFTESTS", "a secret/with a slash"
LISTENS = re.compile(r"Running on http://127\.0\.0\.1:(\d+)")


@contextmanager
def bucket_server() -> Iterator[str]:
    """Run moto's server, which chooses its own port, and yield its URL."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "moto.log"
        with output.open("wb") as log:
            command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
            # The warnings and the coverage of moto do not belong to our results.
            kept = {
                name: value
                for name, value in os.environ.items()
                if name != "COVERAGE_PROCESS_CONFIG"
            }
            process = subprocess.Popen(command, stdout=log, stderr=log, env=kept)
        try:
            deadline = time.monotonic() + START_SECONDS
            while not (found := LISTENS.search(output.read_text())):
                assert process.poll() is None, output.read_text()[-3000:]
                assert time.monotonic() < deadline, output.read_text()[-3000:]
                time.sleep(0.02)
            yield f"http://127.0.0.1:{found[1]}"
        finally:
            process.kill()
            process.wait()


def storage_url(endpoint: str, bucket: str) -> str:
    """Return STORAGE_URL for a folder in a bucket of this server."""
    secret = SECRET.replace("/", "%2F").replace(" ", "%20")
    return f"s3://{KEY}:{secret}@{bucket}/liftoff?region=eu-central-1&endpoint={endpoint}"


def administrator(endpoint: str) -> Any:
    """Return a client that sees everything on the server."""
    return boto3.session.Session().client(
        "s3",
        endpoint_url=endpoint,
        region_name="eu-central-1",
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
    )


def make_bucket(endpoint: str, name: str) -> None:
    where = {"LocationConstraint": "eu-central-1"}
    administrator(endpoint).create_bucket(Bucket=name, CreateBucketConfiguration=where)

"""A server that speaks MongoDB's protocol, for tests with the real PyMongo.

The server is `nx_27017`, which is part of neosqlite, in a separate process. The tests
that use it also run on a real `mongod`, if the name of the database in MONGODB_TEST_URL
ends in `_test`. `docs/documents.md` lists the differences between the two servers.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from app.db.documents import close_documents, open_documents
from tests.support.server import free_port
from tests.support.services import required

STARTS_WITHIN = 30.0  # seconds
MISSING = "the package nx-27017, which contains neosqlite's server, is not installed"


def real_server() -> str | None:
    """Return the URL of a real `mongod`, if MONGODB_TEST_URL names one. Tests delete
    its data.
    """
    url = os.environ.get("MONGODB_TEST_URL")
    if url and not url.partition("?")[0].endswith("_test"):
        raise ValueError("MONGODB_TEST_URL must name a database whose name ends in _test")
    return url


@contextmanager
def mongo_server(folder: Path) -> Iterator[str]:
    """Run the server with a file in this folder, and yield its URL."""
    required("nx_27017" if find_spec("nx_27017") else None, MISSING)
    port = free_port()
    program = ["-m", "nx_27017.nx_27017", "--db", str(folder / "mongo.db"), "-p", str(port)]
    files = ["--log-file", str(folder / "log"), "--pid-file", str(folder / "pid")]
    with (folder / "out").open("w") as out:
        process = subprocess.Popen([sys.executable, *program, *files], stdout=out, stderr=out)
        try:
            url = f"mongodb://127.0.0.1:{port}/liftoff_test"
            _await(url, folder / "out")
            yield url
        finally:
            process.terminate()
            process.wait(STARTS_WITHIN)


def _await(url: str, out: Path) -> None:
    until = time.monotonic() + STARTS_WITHIN
    with MongoClient[dict[str, object]](url, serverSelectionTimeoutMS=500) as client:
        while True:
            try:
                client.admin.command("ping")
            except PyMongoError:
                assert time.monotonic() < until, out.read_text()[-2000:]
            else:
                return


SERVERS = ("neosqlite", *(["mongod"] if real_server() else []))


@pytest.fixture(scope="session")
def neosqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the URL of neosqlite's server."""
    with mongo_server(tmp_path_factory.mktemp("mongo")) as url:
        yield url


@contextmanager
def emptied(
    kind: str, request: pytest.FixtureRequest, settings: Callable[..., None]
) -> Iterator[str]:
    """Set MONGODB_URL to a database without collections, and yield the URL."""
    url = real_server() if kind == "mongod" else request.getfixturevalue("neosqlite")
    assert url
    close_documents()
    # neosqlite is slow, and even slower on a busy machine.
    settings(MONGODB_URL=url, DATABASE_STATEMENT_TIMEOUT="30")
    for name in open_documents().list_collection_names():
        open_documents()[name].drop()
    yield url
    close_documents()


@pytest.fixture(params=SERVERS)
def documents_url(request: pytest.FixtureRequest, settings: Callable[..., None]) -> Iterator[str]:
    """Set MONGODB_URL to a database without collections. Each test runs once with each
    server.
    """
    with emptied(request.param, request, settings) as url:
        yield url

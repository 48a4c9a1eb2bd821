"""MongoDB, a second database for documents, which is used if `MONGODB_URL` is set.

A route that needs documents takes the database as a dependency:

    def list_notes(documents: documents_dependency) -> list[NoteRead]: ...

Other code calls `open_documents()`. Calls to MongoDB are not part of the transaction of
the request, so a request that changes both databases must tolerate a failure between
the two changes. The outbox of `app.platform.activity` is an example.

PyMongo is imported only if `MONGODB_URL` is set. Without this setting, a process does
not wait for the import, and does not use the memory.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends

from app.core.config import get_settings
from app.core.database_urls import DOCUMENTS
from app.core.errors import AppError, Unavailable, raises

if TYPE_CHECKING:
    from pymongo import IndexModel, MongoClient
    from pymongo.database import Database

    Documents = Database[dict[str, Any]]
else:
    Documents = Any

CONNECT_SECONDS = 2.0
INDEX_SECONDS = 3600.0  # building the indexes of a large collection may take minutes

_watchers: list[Callable[[], Sequence[Any]]] = []


class DocumentsUnavailable(Unavailable):
    """MongoDB is unreachable, has no primary, or took too long."""

    code = "documents_unavailable"
    detail = "The database of documents is unavailable. Try again in a moment."


class DocumentsNotConfigured(Unavailable):
    """A route needs MongoDB, but it is not configured in this deployment."""

    code = "documents_not_configured"
    detail = (
        "This server has no database of documents. Its operator can set MONGODB_URL to use "
        "this route."
    )

    def __init__(self) -> None:
        super().__init__(retry_after=3600)


@raises(DocumentsNotConfigured)
def open_documents() -> Documents:
    """Return the database of documents. Raises `DocumentsNotConfigured`.

    The first call does not wait for a connection. Each operation waits for at most
    `DATABASE_STATEMENT_TIMEOUT` seconds. This includes the wait for a connection, the
    choice of a server, and a second attempt.
    """
    return _client().get_default_database(DOCUMENTS)


documents_dependency = Annotated[Documents, Depends(open_documents)]


@lru_cache
def _client() -> "MongoClient[dict[str, Any]]":
    settings = get_settings()
    if settings.mongodb_url is None:
        raise DocumentsNotConfigured
    from pymongo import MongoClient  # imported only here, because PyMongo is large

    return MongoClient(
        settings.mongodb_url.get_secret_value(),
        appname="liftoff",
        tz_aware=True,
        maxPoolSize=settings.database_pool_size + settings.database_max_overflow,
        maxIdleTimeMS=settings.database_pool_recycle * 1000,
        timeoutMS=round(settings.database_statement_timeout * 1000),
        serverSelectionTimeoutMS=round(settings.database_pool_timeout * 1000),
        connectTimeoutMS=round(CONNECT_SECONDS * 1000),
        retryReads=True,
        retryWrites=True,
        event_listeners=[listener for make in _watchers for listener in make()],
    )


def watch_documents(make: Callable[[], Sequence[Any]]) -> None:
    """Register `make`, which returns listeners for PyMongo's events.

    `make` is called when PyMongo is first needed.
    """
    _watchers.append(make)


def close_documents() -> None:
    """Close the connections of this process, if it has any."""
    if _client.cache_info().currsize:
        _client().close()
        _client.cache_clear()


def ping(seconds: float) -> str:
    """Return the version of the server. Raises `PyMongoError`."""
    import pymongo

    with pymongo.timeout(seconds):
        return str(open_documents().client.server_info().get("version", "of unknown version"))


def make_indexes(wanted: "Mapping[str, Sequence[IndexModel]]") -> dict[str, list[str]]:
    """Create the missing indexes of these collections, and return all index names.

    Indexes that exist stay as they are. Raises `PyMongoError` if an index with the same
    name or keys has different options.
    """
    import pymongo

    # The long time limit below also applies to finding a server. So a ping with a short
    # time limit comes first.
    ping(CONNECT_SECONDS)
    documents = open_documents()
    with pymongo.timeout(INDEX_SECONDS):
        return {
            name: documents[name].create_indexes(list(indexes)) for name, indexes in wanted.items()
        }


def translate_documents_error(error: Exception) -> AppError | None:
    """Return the error that a client gets for an error of PyMongo.

    The result is `None` for a bug in our code, which becomes a 500.
    """
    from pymongo.errors import ConnectionFailure, PyMongoError

    if isinstance(error, ConnectionFailure) or (isinstance(error, PyMongoError) and error.timeout):
        return DocumentsUnavailable()
    return None

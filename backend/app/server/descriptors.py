"""The number of connections that fit within the limit of open files (`ulimit -n`).

At the limit, `accept()` fails. asyncio then stops listening for a second, and libuv
closes every waiting connection, whichever client opened it. So the server stays below
the limit, and chooses itself which connections to close.
"""

import resource

from app.core.config import Settings

# The maximum number of connections of one process. An idle connection takes some 30 kB,
# one with half of a long head up to 200 kB, and one with an unread body of 1 MB up to
# 450 kB. The latter two are closed after 20 seconds.
MOST = 4096
FEWEST = 16
WANTED = 8192
# Files for listening sockets, the event loop, logs, connections of a side listener, and
# connections that are closing.
OWN = 40
FILES_PER_CONNECTION = 3  # on SQLite: the database, its write-ahead log, and the log's index
SIDE_CONNECTIONS = 5  # of the side pool and of an embedded worker


class TooFewDescriptors(RuntimeError):
    """The operating system allows this process too few open files."""


def raise_limit() -> None:
    """Raise the limit of open files as far as the administrator allows.

    Many systems start a process with a limit of 1,024, and allow far more.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED if hard == resource.RLIM_INFINITY else min(WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def connections_allowed(settings: Settings) -> int:
    """Return how many connections one process may have.

    Raises `TooFewDescriptors` if the limit leaves room for too few.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return MOST
    database = settings.database_pool_size + settings.database_max_overflow + SIDE_CONNECTIONS
    # Each thread may have a connection to an outside service.
    reserved = OWN + FILES_PER_CONNECTION * database + settings.worker_threads
    if limit - reserved < FEWEST:
        raise TooFewDescriptors(
            f"This process may open {limit} files (ulimit -n). With these settings it needs at "
            f"least {reserved + FEWEST}. Raise the limit, or lower WORKER_THREADS and "
            "DATABASE_POOL_SIZE."
        )
    return min(MOST, limit - reserved)

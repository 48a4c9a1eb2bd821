"""The number of connections that fit within the limit of open files (`ulimit -n`).

Once the limit is reached, `accept()` fails. asyncio then stops listening for a second,
and libuv closes every waiting connection, whichever client opened it. So the server
stays below the limit, and chooses which connections to close.
"""

import resource

from app.core.config import Settings

# The maximum number of connections per process. An idle connection takes about 30 kB. A
# connection takes up to 200 kB while a long head is incomplete, and up to 450 kB while
# a body of 1 MB is unread. A connection stays in one of these two states for at most 20
# seconds, and is then closed.
MOST = 4096
FEWEST = 16
WANTED = 8192
# Files for listening sockets, the event loop, logs, the connections of a side listener,
# and connections that are being closed.
OWN = 40
FILES_PER_CONNECTION = 3  # on SQLite: the database, its write-ahead log, and the log's index
SIDE_CONNECTIONS = 5  # for the side pool and an embedded worker


class TooFewDescriptors(RuntimeError):
    """The operating system allows this process too few open files."""


def raise_limit() -> None:
    """Raise the limit on open files as far as the administrator allows.

    Many systems start a process with a limit of 1,024, and allow far more.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED if hard == resource.RLIM_INFINITY else min(WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def connections_allowed(settings: Settings) -> int:
    """Return how many connections this process may have.

    Raises `TooFewDescriptors` if the limit allows too few connections.
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

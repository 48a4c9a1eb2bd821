"""How many connections fit below the limit of open files (`ulimit -n`).

Where it is reached, `accept()` fails: asyncio then stops listening for a second, and libuv closes every connection that
waits, whoever made it. So the server keeps below it and chooses itself which connections go.
"""

import resource

from app.core.config import Settings

MOST = 4096  # connections of one process: each holds some 30 kB, so a stranger gets at most about 120 MB
FEWEST = 16
WANTED = 8192
OWN = 40  # listening sockets, event loop, logs, the connections of a side listener, and those just being closed
FILES_PER_CONNECTION = 3  # SQLite: the database, its log, and the log's index
SIDE_CONNECTIONS = 5  # of the side pool and of an embedded worker


class TooFewDescriptors(RuntimeError):
    """The operating system lets this process open too few files."""


def raise_limit() -> None:
    """Make use of what the administrator allows: many systems start a process at 1,024 of far more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED if hard == resource.RLIM_INFINITY else min(WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def connections_allowed(settings: Settings) -> int:
    """How many clients one process may hold at once. Raises `TooFewDescriptors` if hardly any fit."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return MOST
    database = settings.database_pool_size + settings.database_max_overflow + SIDE_CONNECTIONS
    reserved = OWN + FILES_PER_CONNECTION * database + settings.worker_threads  # each thread may call outside
    if limit - reserved < FEWEST:
        raise TooFewDescriptors(
            f"This process may open {limit} files (ulimit -n). With these settings it needs at least "
            f"{reserved + FEWEST}: raise the limit, or lower WORKER_THREADS and DATABASE_POOL_SIZE."
        )
    return min(MOST, limit - reserved)

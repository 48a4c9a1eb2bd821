"""`read_db_dependency`: a session for reads whose data may be a second old.

    @router.get("")
    def list_posts(db: read_db_dependency, user: OptionalUser) -> Page[PostSummary]: ...

Without DATABASE_REPLICA_URLS, this is the session of `db_dependency`. With this
setting, the queries go to a replica that has all the changes they must see. If there is
no such replica, they go to the primary:

| A read | needs a replica that has |
|---|---|
| of an anonymous caller | everything up to a second ago |
| of a user who has just written | nothing: the primary serves it for `OWN_SECONDS` |
| whose response a cache keeps | the last change that the response depends on |
| of an unsafe method | nothing: it is not a read |

The caller is always read from the primary. So a login session is accepted as soon as it
has begun, and refused as soon as it has ended.
"""

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.orm import Session

from app.core.config import get_settings
from app.core.logging import get_logger
from app.core.redis import make_client
from app.db.database import SAFE_METHODS, db_dependency
from app.db.reading import ReadSession
from app.db.replicas import Replica, replicas

from .monitoring import replica_metrics
from .principal import current_viewer

if TYPE_CHECKING:
    from redis import Redis

# After this time, every replica in use has the user's write, because a replica that is
# more than `replicas.LATE_SECONDS` behind is not used.
OWN_SECONDS = 3
NEEDED = "replica_needed"  # `need_changes_before` sets this attribute of `request.state`

log = get_logger(__name__)


def get_read_db(request: Request, db: db_dependency) -> Iterator[Session]:
    """Return a session that only reads, and may read from a replica."""
    if not replicas().all or request.method not in SAFE_METHODS:
        yield db
        return

    def choose() -> Replica | None:
        return _choose(request)

    with ReadSession(db, choose, replica_metrics.note_failure) as reading:
        yield reading


read_db_dependency = Annotated[Session, Depends(get_read_db, scope="function")]


def need_changes_before(request: Request, moment: float) -> None:
    """Let this request read only from replicas that have all commits before this
    monotonic time.
    """
    setattr(request.state, NEEDED, moment)


def note_write(request: Request) -> None:
    """Record that the caller of this request may have written something.

    Call this when the write has been committed, and before the response is sent.
    """
    redis = _redis() if _must_note(request) else None
    if redis is None:
        return
    from redis import RedisError

    try:
        redis.set(_key(str(current_viewer(request))), b"", ex=OWN_SECONDS)
    except RedisError as error:
        # While Redis fails, users' reads go to the primary.
        log.warning("own_write_not_noted", reason=str(error))


async def note_write_in_thread(request: Request) -> None:
    """Do what `note_write` does, for a request that FastAPI has handled on the event
    loop.
    """
    if _must_note(request):
        await run_in_threadpool(note_write, request)


def _must_note(request: Request) -> bool:
    is_read = request.method in SAFE_METHODS
    return not is_read and bool(replicas().all) and current_viewer(request) is not None


def _choose(request: Request) -> Replica | None:
    viewer = current_viewer(request)
    if viewer and _has_just_written(viewer):
        replica_metrics.note_primary("own write")
        return None
    replica = replicas().choose(getattr(request.state, NEEDED, -math.inf))
    if replica is None:
        replica_metrics.note_primary("no current replica")
    else:
        replica_metrics.note_use(replica)
    return replica


def _has_just_written(viewer: str) -> bool:
    """Return whether a user has recently written, through any process."""
    redis = _redis()
    if redis is None:
        return True  # another process may have served the write
    from redis import RedisError

    try:
        return bool(redis.exists(_key(viewer)))
    except RedisError:
        return True


def _key(viewer: str) -> str:
    return f"liftoff:wrote:{viewer}"


@lru_cache
def _redis() -> "Redis | None":
    url = get_settings().redis_url
    return make_client(url.get_secret_value()) if url else None

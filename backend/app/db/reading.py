"""A session that reads from a replica, or from the primary if the replica fails."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from .database import RoutedSession
from .replicas import Replica

# If a query fails on a replica with one of these errors, the primary can answer it. The
# errors are a conflict with the replay of the log, a lost or refused connection, a
# lock, and a table or column that a migration has just added. A statement that took too
# long is not repeated, because it would take as long again.
PRIMARY_CAN = ("40", "08", "53", "57P", "58", "25006", "42P01", "42703")


class ReadSession(RoutedSession):
    """Sends each query to a replica, or to the primary.

    `choose` is called at the first query, when the caller of the request is known. It
    returns a replica or `None`. A query that fails on the replica is repeated in
    `primary`, the request's own session. So the request needs no second connection to
    the primary. Repeating is safe, because a read changes nothing.
    """

    def __init__(
        self,
        primary: Session,
        choose: Callable[[], Replica | None],
        note_failure: Callable[[Replica], object],
    ) -> None:
        super().__init__(
            primary.get_bind(), expire_on_commit=False, info={"reading": True, **primary.info}
        )
        self._primary = primary
        self._choose = choose
        self._note_failure = note_failure
        self._replica: Replica | None = None
        self._has_chosen = False

    if not TYPE_CHECKING:  # type checkers use the many signatures of `Session`

        def execute(self, *args: Any, **options: Any) -> Any:
            return self._read(Session.execute, self._primary.execute, args, options)

        def scalar(self, *args: Any, **options: Any) -> Any:
            return self._read(Session.scalar, self._primary.scalar, args, options)

        def scalars(self, *args: Any, **options: Any) -> Any:
            return self._read(Session.scalars, self._primary.scalars, args, options)

        def connection(self, *args: Any, **options: Any) -> Any:
            own = super().connection if self._use_replica() else self._primary.connection
            return own(*args, **options)

        def flush(self, *_: Any, **__: Any) -> None:
            if self.new or self.dirty or self.deleted:
                raise RuntimeError("A read session cannot write. Take `db_dependency` instead.")

    def _use_replica(self) -> bool:
        if not self._has_chosen:
            self._has_chosen = True
            self._replica = self._choose()
            if self._replica:
                self.bind = self._replica.engine
        return self._replica is not None

    def _read(
        self,
        here: Callable[..., Any],
        at_primary: Callable[..., Any],
        args: tuple[Any, ...],
        options: dict[str, Any],
    ) -> Any:
        if not self._use_replica():
            return at_primary(*args, **options)
        try:
            # The method of `RoutedSession` is not called, because it would try the
            # replica twice.
            return here(self, *args, **options)
        except (DBAPIError, PoolTimeout) as error:
            if not _primary_can(error):
                raise
        assert self._replica
        self._note_failure(self._replica)
        self._replica = None
        self.close()  # objects that are already loaded keep their values
        return at_primary(*args, **options)


def _primary_can(error: DBAPIError | PoolTimeout) -> bool:
    state = getattr(getattr(error, "orig", None), "pgcode", None)
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    return lost or not state or state.startswith(PRIMARY_CAN)

"""The SQL statements that a test sends, and a limit on their number."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from app.platform.cache.poller import POLLER

# These statements are not counted. A process writes a cache mark for other processes
# only once for many changes, so most requests write no mark.
LEFT_OUT = ("SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN", "INSERT INTO cache_marks")


class Statements(list[str]):
    """The statements that were sent, in their order."""

    @contextmanager
    def __call__(self, most: int) -> Iterator[None]:
        """Fail if the block sends more than `most` statements, and show them.

        Use this with several rows. If a list sends a statement for each row (N+1), it
        then exceeds the limit, but with one row it would not.
        """
        before = len(self)
        yield
        sent = self[before:]
        shown = "\n".join(sent)
        assert len(sent) <= most, f"{len(sent)} statements instead of at most {most}:\n{shown}"


@contextmanager
def listen_to_statements() -> Iterator[Statements]:
    """Collect the statements of this process inside the block.

    Statements of the caches' poller are not collected, because they come at any time.
    """
    sent = Statements()

    def note(_c: Any, _cursor: Any, _text: str, _given: Any, context: Any, _many: Any) -> None:
        # The original statement, before `follow_travel` replaces the time in it.
        statement = context.statement
        if current_thread().name != POLLER and not statement.startswith(LEFT_OUT):
            sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)


@contextmanager
def no_row_written() -> Iterator[None]:
    """Fail a test that writes a row."""

    def refuse(*_: object) -> None:
        raise AssertionError("a test that writes needs the fixture `db` or `committed`")

    event.listen(Session, "before_flush", refuse)
    yield
    event.remove(Session, "before_flush", refuse)

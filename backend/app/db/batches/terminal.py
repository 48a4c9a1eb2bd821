"""Named batches as a command that a person runs."""

import sys
from typing import Any

from sqlalchemy import ColumnElement, func, select

from app.db.base import Base

from .locked import Work
from .named import AnotherRun, in_named_batches
from .turns import REST, SIZE, Progress, Sessions, key_of

INTERRUPTED = 130  # the exit code of a command that Ctrl-C ended


def run_for_terminal(  # noqa: PLR0913 - as `in_named_batches`
    sessions: Sessions,
    name: str,
    work: Work,
    model: type[Base],
    *conditions: ColumnElement[bool],
    restart: bool = False,
    size: int = SIZE,
    rest: float = REST,
) -> Progress:
    """Run `in_named_batches`, and show the progress if the output is a terminal.

    Ctrl-C rolls back the current batch, prints how to continue, and ends the process.
    If another process is running batches with the same name, this process ends with a
    message.
    """
    from typer import echo, progressbar  # imported only here, because only commands need typer

    first, last = _bounds(sessions, model)
    bar = progressbar(
        length=last - first + 1, label=name, file=sys.stderr, hidden=not sys.stderr.isatty()
    )
    reached = [first - 1]

    def move(progress: Progress) -> None:
        place = last if progress.finished else progress.last
        bar.update(max(0, min(place, last) - reached[0]))
        reached[0] = max(reached[0], place)

    options: dict[str, Any] = {"restart": restart, "size": size, "rest": rest}
    try:
        with bar:
            return in_named_batches(sessions, name, work, model, *conditions, note=move, **options)
    except AnotherRun as other:
        sys.exit(str(other))
    except KeyboardInterrupt:
        echo(
            f"\n`{name}` was interrupted. Run the same command again to continue after the last "
            "batch.",
            err=True,
        )
        sys.exit(INTERRUPTED)


def _bounds(sessions: Sessions, model: type[Base]) -> tuple[int, int]:
    """Return the smallest and the largest key, by which the progress is computed.

    They are quick to read from an index. The number of rows would require a count of
    the whole table.
    """
    key = key_of(model)
    with sessions() as db:
        first, last = (db.scalar(select(end(key))) or 0 for end in (func.min, func.max))
    return first, last

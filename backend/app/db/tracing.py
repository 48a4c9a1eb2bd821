"""Spans of statements. This module is imported only where requests are traced."""

from contextlib import ExitStack
from typing import Any

from sqlalchemy import Engine, ExceptionContext, event

from app.core.tracing import is_traced, span

LONGEST = 2_000  # characters of a statement
SPAN = "liftoff span"  # the attribute of an execution context that holds the open span


@event.listens_for(Engine, "before_cursor_execute")
def _begin(
    connection: Any, _cursor: Any, statement: str, _values: Any, context: Any, _many: object
) -> None:
    if context is None or not is_traced():
        return
    opened = ExitStack()
    opened.enter_context(
        span(
            statement[:20].split(maxsplit=1)[0].upper() if statement.strip() else "SQL",
            client=True,
            db_system_name=connection.dialect.name,
            db_query_text=statement[:LONGEST],  # the text has no parameters
        )
    )
    setattr(context, SPAN, opened)


@event.listens_for(Engine, "after_cursor_execute")
def _end(
    _connection: Any, _cursor: Any, _statement: str, _values: Any, context: Any, _many: object
) -> None:
    if (opened := getattr(context, SPAN, None)) is not None:
        delattr(context, SPAN)
        opened.close()


@event.listens_for(Engine, "handle_error")
def _fail(failure: ExceptionContext) -> None:
    context = failure.execution_context
    if (opened := getattr(context, SPAN, None)) is not None:
        delattr(context, SPAN)
        error = failure.original_exception
        opened.__exit__(type(error), error, None)

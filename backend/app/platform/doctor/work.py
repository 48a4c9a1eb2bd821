"""Checks of the work that workers do: jobs, emails and purges."""

from app.db.database import SessionLocal
from app.platform import purges
from app.platform.monitoring import backlog
from app.platform.queues import dead_letters

from . import SCHEMA, Finding, check, failure, ok, warning

TOO_LATE_SECONDS = 3600.0
START = "Start `make worker`, or start more workers, and read their logs."


@check("work", needs=SCHEMA)
def work() -> Finding:
    with SessionLocal() as db:
        waiting = backlog.seconds_waiting(db)
    what, seconds = max(waiting.items(), key=lambda found: found[1])
    if seconds <= backlog.LATE_SECONDS:
        return ok("No job or email is overdue.")
    detail = f"The oldest {what} has been due for {seconds / 60:.0f} minutes."
    return (failure if seconds > TOO_LATE_SECONDS else warning)(detail, START)


@check("dead letters", needs=SCHEMA)
def letters() -> Finding:
    with SessionLocal() as db:
        number = dead_letters.count_dead_letters(db)
    if number == 0:
        return ok("No job or email has failed for good.")
    return warning(
        f"Jobs and emails that have failed for good: {number}",
        "`make dead-letters` lists them with their reasons, and `make requeue` tries them again.",
    )


@check("purges", needs=SCHEMA)
def overdue() -> Finding:
    with SessionLocal() as db:
        late = {table: by for table, by in purges.overdue_purges(db).items() if by > purges.OVERDUE}
    if not late:
        return ok("Expired rows are deleted in time.")
    table, by = max(late.items(), key=lambda found: found[1])
    return failure(
        f"Tables with expired rows that should be gone: {', '.join(sorted(late))}. The first row "
        f"of {table} is {by.days} days late.",
        START,
    )

"""Benchmark of one worker that sends emails to a near and to a far mail server.

The near server runs on this machine. The far server delays each response by 50 ms, and
sending an email takes four responses.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.support import databases
from tests.support.smtp import Recorder, far_away, mail_server

MAILS = 1000
AWAY = 0.05  # seconds before each response from the far server
WAIT_SECONDS = 120


def queue(number: int) -> None:
    from app.db.database import SessionLocal
    from app.platform.mail import queue_mail

    with SessionLocal() as db, db.begin():
        for n in range(number):
            queue_mail(db, f"person{n}@example.com", "auth/password_changed", username="ada")


@contextmanager
def worker(port: int) -> Iterator[None]:
    there = {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(port), "SMTP_TLS": "none"}
    process = subprocess.Popen([sys.executable, "-m", "app.worker"], env=os.environ | there)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def taken(recorder: Recorder, number: int) -> float:
    """Return the time at which the server had received `number` emails.

    Raises `TimeoutError`.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while len(recorder.taken) < number:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{len(recorder.taken)} of {number} mails arrived")
        time.sleep(0.01)
    return time.monotonic()


def rate(number: int, away: float) -> tuple[float, int]:
    """Return the emails per second after the first email, and the number of
    connections.
    """
    queue(number)
    with ExitStack() as stack:
        recorder, port = stack.enter_context(mail_server())
        if away:
            port = stack.enter_context(far_away(port, away))
        stack.enter_context(worker(port))
        began = taken(recorder, 1)
        seconds = taken(recorder, number) - began
        assert max(recorder.times_taken().values()) == 1, "a mail was sent twice"
        return (number - 1) / seconds, recorder.connections


def main() -> None:
    os.environ.update(databases.environment("postgresql"))
    os.environ |= {"DATABASE_URL": databases.create("postgresql", "bench"), "LOG_LEVEL": "error"}
    from app import cli

    try:
        cli.migrate()
        here, lines_here = rate(MAILS, 0)
        there, lines_there = rate(MAILS // 4, AWAY)
    finally:
        databases.stop_servers()
    print(f"\nmails/s of one worker, {os.cpu_count()} cores")
    print(f"  {here:.0f} to a server on this machine ({MAILS} mails, {lines_here} connections)")
    print(
        f"  {there:.0f} to one {AWAY * 1000:.0f} ms away ({MAILS // 4} mails, {lines_there} "
        "connections)"
    )


if __name__ == "__main__":
    main()

"""Run a server or worker that kills itself at a certain step of its work.

Run `python -m tests.payments.dying server POINT POINT …`. For each point, the program
forks a process, which works and dies at the point as if by `kill -9`. Then the program
prints the point and forks the next process. After all points, the program itself works
and does not die. The work of each process begins when the program reads a line, so that
no process starts before the test is ready. A point is the beginning or the end of a
function.
"""

import importlib
import os
import signal
import sys
from collections.abc import Callable
from typing import Any, NoReturn

RECEIPT = (
    "before app.routers.payments.webhooks.receiving:receive_event",
    "after app.routers.payments.gateway:verify_signature",
    # At this point, the event is written, but its job is not.
    "before app.routers.payments.webhooks.receiving:enqueue",
    "after app.routers.payments.webhooks.receiving:enqueue",
    "before app.db.database:end_transaction",
    "after app.db.database:end_transaction",  # the event is committed, but not acknowledged
)
WORK = (
    "before app.routers.payments.webhooks.processing:process_event",
    # At this point, the attempt is counted, and the payer's number is taken.
    "before app.routers.payments.gateway:read_payer",
    "after app.routers.payments.gateway:read_payer",
    "after app.routers.payments.mirror.sync:write_payer",
    "after app.routers.payments.webhooks.processing:settle_events",
    "after app.platform.queues.leases:delete_leased_row",  # written, but not committed
    "after app.platform.jobs.job_runs:run_next",  # everything is committed
)


def main() -> NoReturn:
    role, *points = sys.argv[1:]
    run = {"server": _serve, "worker": _work}[role]
    for point in points:
        sys.stdin.readline()
        child = os.fork()
        if child == 0:
            set_trap(point)
            run()
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{point if os.WIFSIGNALED(status) else 'nobody died ' + point}\n")
        sys.stdout.flush()
    sys.stdin.readline()
    run()
    sys.exit()


def set_trap(point: str) -> None:
    moment, _, name = point.partition(" ")
    module_name, _, function_name = name.partition(":")
    module = importlib.import_module(module_name)
    real: Callable[..., Any] = getattr(module, function_name)

    def trap(*args: Any, **kwargs: Any) -> Any:
        if moment == "before":
            die()
        result = real(*args, **kwargs)
        # A worker also runs other jobs, or finds no job. Only the jobs that call
        # outside services count in this test.
        if (
            function_name not in ("run_next", "delete_leased_row")
            or (kwargs.get("lane") == "outside" and result)
            or is_ours(args)
        ):
            die()
        return result

    setattr(module, function_name, trap)


def is_ours(args: tuple[Any, ...]) -> bool:
    return any(getattr(arg, "kind", "") == "payments.process_event" for arg in args)


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("nobody survives that")


def _serve() -> None:
    from app.server.__main__ import main as serve

    serve()


def _work() -> None:
    from app.worker import main as work

    work()


if __name__ == "__main__":
    import app.main  # noqa: F401 - once for all forks

    main()

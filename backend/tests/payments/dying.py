"""A server or worker that is killed at a step of its work.

Run `python -m tests.payments.dying server POINT POINT …`. For each point in turn, a
process is forked, works, and dies there as by `kill -9`. The point is printed. The last
process is not killed. Each one begins when it reads a line. Otherwise, it would start
with what the test does in between. A point is before or after a function.
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
    # The event is written, its job is not.
    "before app.routers.payments.webhooks.receiving:enqueue",
    "after app.routers.payments.webhooks.receiving:enqueue",
    "before app.db.database:_end",
    "after app.db.database:_end",  # committed, not acknowledged
)
WORK = (
    "before app.routers.payments.webhooks.processing:process_event",
    # The try is counted, the payer's number taken.
    "before app.routers.payments.gateway:read_payer",
    "after app.routers.payments.gateway:read_payer",
    "after app.routers.payments.mirror.sync:write_payer",
    "after app.routers.payments.webhooks.processing:settle_events",
    "after app.platform.jobs.job_runs:_strike_off",  # all is written, nothing committed
    "after app.platform.jobs.job_runs:run_next",  # committed
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
        # A worker has other jobs, too, and often none: those that call outside are ours
        # alone.
        if (
            function_name not in ("run_next", "_strike_off")
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

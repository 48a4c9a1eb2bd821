"""The output of the tools, with one line for each step or problem."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Problem(Exception):
    """A problem that the user can fix. The one-line message says how."""


@contextmanager
def step(done: str) -> Iterator[None]:
    """Print what was done and how long it took, when the block ends.

    A block that fails must raise an exception. It must not `return`, because that would
    look like success.
    """
    started = time.perf_counter()
    yield
    print(f"{time.perf_counter() - started:6.1f} s  {done}", flush=True)


def say(doing: str) -> None:
    print(f"          {doing}", flush=True)


def run(main: Callable[[], int]) -> None:
    """Exit with the exit code that `main` returns.

    On a `Problem`, print its message and exit with 1. On Ctrl-C, exit without a
    message.
    """
    try:
        sys.exit(main())
    except Problem as problem:
        sys.exit(str(problem))
    except KeyboardInterrupt:
        sys.exit(130)

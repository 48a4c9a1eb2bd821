"""The output of the tools: a line for each step, and one clear line for a problem."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Problem(Exception):
    """A problem that the reader can fix. The message is one line that says how."""


@contextmanager
def step(done: str) -> Iterator[None]:
    """Print what was done and how long it took, if the block reaches its end.

    A block that fails must raise an exception. It must never `return`, because that
    looks like reaching the end here.
    """
    started = time.perf_counter()
    yield
    print(f"{time.perf_counter() - started:6.1f} s  {done}", flush=True)


def say(doing: str) -> None:
    print(f"          {doing}", flush=True)


def run(main: Callable[[], int]) -> None:
    """Exit with what `main` returns.

    On a `Problem`, print its message and exit with 1. Ctrl-C is silent.
    """
    try:
        sys.exit(main())
    except Problem as problem:
        sys.exit(str(problem))
    except KeyboardInterrupt:
        sys.exit(130)

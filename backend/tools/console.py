"""How the tools speak: a line for each step with its time, and one clear line when something is wrong."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Problem(Exception):
    """Something the reader can put right. The message is one line that says how."""


@contextmanager
def step(done: str) -> Iterator[None]:
    """Print what is done and how long it took, if the block reaches its end.

    A block that fails raises. It never says `return`, which is indistinguishable from reaching the end here.
    """
    started = time.perf_counter()
    yield
    print(f"{time.perf_counter() - started:6.1f} s  {done}", flush=True)


def say(doing: str) -> None:
    print(f"          {doing}", flush=True)


def run(main: Callable[[], int]) -> None:
    """Exit with what `main` returns. A `Problem` is its message and 1, Ctrl-C is quiet."""
    try:
        sys.exit(main())
    except Problem as problem:
        sys.exit(str(problem))
    except KeyboardInterrupt:
        sys.exit(130)

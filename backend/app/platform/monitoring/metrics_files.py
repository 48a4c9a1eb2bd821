"""The files into which the processes of a host write their metrics.

Each process has its own files, which stay after the process has ended. A server that
replaces its processes would accumulate files, and each scrape reads all files. The
files cannot simply be deleted, because Prometheus would treat a decreasing counter as a
restart, and count the remaining values again. So the counts of ended processes are
added to one shared file, and then the files of these processes are removed.
"""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client.mmap_dict import MmapedDict

FILE = re.compile(r"(?P<kind>counter|histogram|summary|gauge_[a-z]+)_(?P<pid>\d+)\.db")


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Wait until no other process or thread reads or merges the files.

    A read during a merge would count some values twice.
    """
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def fold_ended(folder: Path) -> None:
    """Merge the files of all processes that have ended. Call this inside `alone_in`.

    The gauges of these processes are deleted.
    """
    for path in sorted(folder.iterdir()):
        match = FILE.fullmatch(path.name)
        if match is None or _runs(int(match["pid"])):
            continue
        if path.stat().st_size and not match["kind"].startswith("gauge"):
            _add(path, folder / f"{match['kind']}_ended.db")
        path.unlink()


def _add(counted: Path, to: Path) -> None:
    total = MmapedDict(str(to))  # type: ignore[no-untyped-call]
    for key, value, _, _ in MmapedDict.read_all_values_from_file(str(counted)):  # type: ignore[no-untyped-call]
        known, _ = total.read_value(key)  # type: ignore[no-untyped-call]
        total.write_value(key, known + value, 0.0)  # type: ignore[no-untyped-call]
    total.close()  # type: ignore[no-untyped-call]


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

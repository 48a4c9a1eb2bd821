"""The files in which several processes count. Each process has its own file, which
outlives it.

A server that replaces its processes would accumulate files, and each scrape reads them
all. The files cannot just be deleted: Prometheus would interpret a decreasing counter
as a restart, and add all of it once more. So the counts of a process that has ended are
added to one file for all such processes, and its own file is removed.
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
    """Wait until no other process or thread reads or adds up the files.

    A reader in the middle of an addition would count some values twice.
    """
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def fold_ended(folder: Path) -> None:
    """Merge the files of all processes that have ended into one. Call this inside
    `alone_in`.

    Their gauges are deleted.
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

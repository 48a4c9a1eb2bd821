"""All objects: encoded in memory, and written to the file before each response.

Everything runs in the thread of the event loop, and a unit of work never awaits. So
there is only one writer, and no lock is needed.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from simulator.objects import decode
from simulator.protocol.errors import StripeError
from simulator.state.clock import Clock
from simulator.state.file import Changes, NoFile, StateFile
from simulator.state.ids import Ids
from simulator.state.kinds import KINDS
from simulator.state.table import Table
from simulator.state.timers import Timers
from simulator.state.work import Work


class Store:
    """The objects. With `path=None`, they are kept only in memory.

    `base_url` is the URL of the hosted pages.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        seed: str | None = None,
        base_url: str = "",
        frozen: int | None = None,
    ) -> None:
        self.base_url = base_url
        self.before_commit: list[Callable[[Work], None]] = []
        self.wake: Callable[[], None] = lambda: (
            None
        )  # the timeline sets this function, which ends the wait for the next tick
        self.deliver: Callable[[list[str]], None] = lambda _: (
            None
        )  # the deliverer sets this function, which takes the ids of new deliveries
        self._file = StateFile(path) if path else NoFile()
        self._wanted_seed, self._wanted_time = seed, frozen
        self._pending: Changes = {}
        self._batches = 0
        self.resets = 0
        self.load()

    def load(self) -> None:
        meta = self._file.meta()
        self.seed = meta.get("seed") or self._wanted_seed or secrets.token_hex(8)
        self.ids = Ids(self.seed, int(meta.get("counter", 0)))
        frozen = meta.get("frozen")
        self.clock = Clock(int(meta.get("offset", 0)), int(frozen) if frozen else None)
        if self._wanted_time is not None and not frozen:
            self.clock.freeze(
                max(self._wanted_time, self.clock.now()) if meta else self._wanted_time
            )
        self.tables = {name: Table(kind) for name, kind in KINDS.items()}
        self.timers = Timers()
        for (kind, object_id), data in self._file.objects():
            table = self.tables[kind]
            obj = decode(data)
            table.add(object_id, table.keys_of(obj), data)
            if kind == "_timer":
                self.timers.set(obj)

    def close(self) -> None:
        self.flush()
        self._file.close()

    def reset(self) -> None:
        """Forget everything. Ids start again, from a new seed unless a seed was given.

        A caller that awaits in the middle of its work must compare `resets` afterwards,
        because the same id may then belong to another object.
        """
        self.resets += 1
        self._pending.clear()
        self._file.clear()
        self.load()

    @contextmanager
    def work(
        self, request_id: str | None = None, idempotency_key: str | None = None
    ) -> Iterator[Work]:
        """Open a unit of work.

        The unit of work is committed when the block ends, or raises an error with
        `keeps_changes`. After any other error, it is undone.
        """
        work = Work(self, request_id, idempotency_key)
        try:
            yield work
        except StripeError as error:
            if error.keeps_changes:
                self._commit(work)
            else:
                work.undo()
            raise
        except BaseException:
            work.undo()
            raise
        else:
            self._commit(work)

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Write the changes of the block together: when it ends, or at a `flush`."""
        self._batches += 1
        try:
            yield
        finally:
            self._batches -= 1
            if not self._batches:
                self.flush()

    def _commit(self, work: Work) -> None:
        for hook in self.before_commit:
            hook(work)
        self._pending.update(work.finish())
        if not self._batches:
            self.flush()
        for timer, entry in work.timers.items():
            if entry:
                self.timers.set(entry)
            else:
                self.timers.clear(timer)
        for callback in work.callbacks:
            callback()

    def flush(self) -> None:
        """Write all changes so far to the file, so that they survive a kill."""
        if not self._pending:
            return
        meta = {"seed": self.seed, "counter": str(self.ids.counter), **self._clock_meta()}
        self._file.write(self._pending, meta)
        self._pending.clear()

    def save_clock(self) -> None:
        self._file.write({}, self._clock_meta())

    def _clock_meta(self) -> dict[str, str]:
        frozen = self.clock.frozen
        return {"offset": str(self.clock.offset), "frozen": "" if frozen is None else str(frozen)}

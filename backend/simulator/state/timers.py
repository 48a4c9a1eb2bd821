"""The timers, each of which runs an action at a simulated time."""

import heapq

from simulator.objects import Object

MAIN_CLOCK = "main"


def timer_id(name: str, object_id: str) -> str:
    return f"{name} {object_id}"


class Timers:
    """The queues of timers, one for each clock, sorted by time and then by age.

    A timer that was cleared or moved stays in its queue until its turn comes, and is
    then skipped.
    """

    def __init__(self) -> None:
        self._queues: dict[str, list[tuple[int, int, str]]] = {}
        self._valid: dict[str, int] = {}  # the number that each timer got when it was last set
        self._settings = 0

    def set(self, entry: Object) -> None:
        self._settings += 1
        self._valid[entry["id"]] = self._settings
        heapq.heappush(
            self._queues.setdefault(entry["clock"], []), (entry["at"], self._settings, entry["id"])
        )

    def clear(self, timer: str) -> None:
        self._valid.pop(timer, None)

    def first(self, clock: str) -> tuple[int, str, str] | None:
        """Return the time and name of the next timer, and the id that it was set
        for.
        """
        queue = self._queues.get(clock, [])
        while queue and self._valid.get(queue[0][2]) != queue[0][1]:
            heapq.heappop(queue)
        if not queue:
            return None
        at, _, timer = queue[0]
        name, _, object_id = timer.partition(" ")
        return at, name, object_id

"""Sends messages to the broker, from a separate thread.

A request only notes which queue has work, which takes microseconds. The request never
waits for the broker. One message is enough for several commits, because a worker takes
rows until it finds no more. If the broker is unavailable, the notes are dropped, and
the regular sweep of the workers finds the rows.
"""

import time
from collections.abc import Iterable
from threading import Condition, Thread

from prometheus_client import Counter

from app.core.config import get_settings
from app.core.logging import get_logger

from .celery_app import Call

# Without workers, messages would fill the memory of the broker. One message is enough
# for any number of rows, and a few more spread the work over several workers.
ENOUGH = 200
PAUSE_SECONDS = 2.0  # after a failure

messages = Counter(
    "liftoff_broker_messages",
    "Messages to workers: sent, spared because enough were waiting, or lost.",
    ["queue", "outcome"],
)
log = get_logger(__name__)


class Messenger:
    """The thread that sends messages, and its connection.

    The thread starts with the first message.
    """

    def __init__(self) -> None:
        self._noted = Condition()
        self._queues: set[str] = set()
        self._thread: Thread | None = None
        self._call: Call | None = None
        self._is_down = False

    def note(self, queue: str) -> None:
        """Tell the thread to send a message for this queue as soon as possible."""
        with self._noted:
            self._queues.add(queue)
            if self._thread is None:
                self._thread = Thread(target=self._live, name="messenger", daemon=True)
                self._thread.start()
            self._noted.notify()

    def _live(self) -> None:
        while True:
            with self._noted:
                self._noted.wait_for(lambda: self._queues)
                queues, self._queues = self._queues, set()
            try:
                self._send_all(queues)
            except Exception as error:  # noqa: BLE001 - each client has its own errors
                self._give_up(queues, error)

    def _send_all(self, queues: Iterable[str]) -> None:
        for queue in sorted(queues):
            messages.labels(queue, self._send(queue)).inc()
        if self._is_down:
            self._is_down = False
            log.info("broker_back")

    def _send(self, queue: str) -> str:
        """Send one message, unless enough are waiting, and return the outcome.

        The request for the number of waiting messages also proves that the connection
        works. Without an answer in between, a message to a broker that is gone would
        count as sent.
        """
        if self._call is None:
            self._call = Call()
        if self._call.waiting(queue) >= ENOUGH:
            return "spared"
        self._call.send(queue)
        return "sent"

    def _give_up(self, queues: Iterable[str], error: Exception) -> None:
        for queue in queues:
            messages.labels(queue, "lost").inc()
        if not self._is_down:
            log.warning("broker_unavailable", reason=f"{type(error).__name__}: {error}")
        self._is_down = True
        call, self._call = self._call, None
        if call:
            call.hang_up()
        time.sleep(PAUSE_SECONDS)


messenger = Messenger()


def tell_workers(queue: str) -> None:
    """Tell the workers that this queue may have work, if there is a broker."""
    if get_settings().celery_broker_url:
        messenger.note(queue)

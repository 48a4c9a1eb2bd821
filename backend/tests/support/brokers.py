"""Message brokers for a single test, which can kill, stop and restart them.

A separate broker also receives no messages of other tests.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from tests.support.server import free_port
from tests.support.services import program

START_SECONDS = 120
RABBITMQ = "/usr/lib/rabbitmq/bin/rabbitmq-server"  # not the script on PATH, which changes the user
GREETING = b"AMQP\0\0\x09\x01"


class OwnBroker:
    """The process of a broker. When the process is started again, it has the same
    port.
    """

    def __init__(self, kind: str, folder: Path) -> None:
        self.port = free_port()
        self.kind, self._folder = kind, folder
        self._process: subprocess.Popen[bytes] | None = None
        self.url = {
            "redis": f"redis://127.0.0.1:{self.port}/0",
            "rabbitmq": f"amqp://guest:guest@127.0.0.1:{self.port}//",
        }[kind]

    def start(self) -> None:
        command, variables = {"redis": self._redis, "rabbitmq": self._rabbitmq}[self.kind]()
        with (self._folder / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, env={**os.environ, **variables}, stdout=log, stderr=log
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            assert time.monotonic() < deadline, (self._folder / "broker.log").read_text()[-3000:]
            time.sleep(0.05)

    def kill(self) -> None:
        assert self._process
        self._send(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """Stop the process. The kernel still accepts connections and acknowledges
        packets.
        """
        self._send(signal.SIGSTOP)

    def go_on(self) -> None:
        self._send(signal.SIGCONT)

    def _send(self, number: signal.Signals) -> None:
        assert self._process
        with contextlib.suppress(psutil.NoSuchProcess):
            own = psutil.Process(self._process.pid)
            for process in (*own.children(recursive=True), own):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(number)

    def _answers(self) -> bool:
        question = b"PING\r\n" if self.kind == "redis" else GREETING
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", self.port), 1) as broker,
        ):
            broker.settimeout(5)
            broker.sendall(question)
            return bool(broker.recv(1))
        return False

    def _redis(self) -> tuple[list[str], dict[str, str]]:
        options = {"port": str(self.port), "bind": "127.0.0.1", "save": "", "appendonly": "no"}
        given = [part for name, value in options.items() for part in (f"--{name}", value)]
        return [program("redis-server"), *given, "--dir", str(self._folder)], {}

    def _rabbitmq(self) -> tuple[list[str], dict[str, str]]:
        config, plugins = self._folder / "rabbitmq.conf", self._folder / "enabled_plugins"
        config.write_text(f"listeners.tcp.1 = 127.0.0.1:{self.port}\n")
        plugins.write_text("[].\n")
        return [program(RABBITMQ)], {
            "HOME": str(self._folder),  # Erlang writes its cookie there
            "RABBITMQ_NODENAME": f"liftoff{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_CONFIG_FILE": str(config),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins),
            "RABBITMQ_MNESIA_BASE": str(self._folder / "data"),
            "RABBITMQ_LOG_BASE": str(self._folder),
            "RABBITMQ_LOGS": "-",
        }


@contextlib.contextmanager
def own_broker(kind: str) -> Iterator[OwnBroker]:
    folder = Path(tempfile.mkdtemp(prefix="liftoff-broker-"))
    broker = OwnBroker(kind, folder)
    try:
        broker.start()
        yield broker
    finally:
        broker.go_on()
        broker.kill()
        shutil.rmtree(folder, ignore_errors=True)

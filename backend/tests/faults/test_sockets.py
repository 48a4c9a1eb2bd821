"""Silent sockets do not slow other clients down (R18).

A busy process is not treated as dead (R7).
"""

import contextlib
import json
import os
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx2
import psutil
import pytest

from tests.faults.figures import record
from tests.support.server import START_SECONDS, running_server
from tests.support.smtp import wait_until

pytestmark = pytest.mark.faults

PROMISED = 30
MARGIN = 8  # a factor for a busy machine
HOST = b"Host: localhost\r\n"
LARGE = b"GET /openapi.json HTTP/1.1\r\n" + HOST + b"\r\n"
UPLOAD = b"POST /auth/verify-email HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
KINDS = {
    "silent": b"",
    "half a head": b"GET / HT",
    "half a second head": b"GET /health/live HTTP/1.1\r\n" + HOST + b"\r\nGET / HT",
    "half a body": UPLOAD + b"Content-Length: 500\r\n\r\n{",
    "half a chunk": UPLOAD + b"Transfer-Encoding: chunked\r\n\r\n9\r\n{",
    "unread": LARGE,
    "unread, and asks for more": LARGE
    * 30,  # a client with more than 32 requests at once is cut off immediately
}


def connect(server, sent=b"", source="127.0.0.1", receive_buffer=None):
    peer = socket.socket()
    if receive_buffer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    peer.bind((source, 0))
    peer.settimeout(30)
    peer.connect(("127.0.0.1", int(server.url.rpartition(":")[2])))
    if sent:
        peer.sendall(sent)
    return peer


def held(server):
    """Return the addresses of the clients whose connections the server holds."""
    found = psutil.Process(server.process.pid).net_connections("tcp")
    return {one.raddr for one in found if one.raddr}


def drip(peers, every, piece, times):
    """In a thread, send the piece to all peers again and again, `times` times or until
    stopped.
    """
    stop = threading.Event()

    def send():
        for _ in range(times):
            if stop.wait(every):
                return
            for peer in peers:
                with contextlib.suppress(OSError):
                    peer.sendall(piece)

    threading.Thread(target=send, daemon=True).start()
    return stop


def test_sockets_that_keep_us_waiting_are_closed_in_30_s(migrated):
    with running_server(LOG_FORMAT="json") as server:
        began = time.monotonic()
        slow = {kind: connect(server, sent, receive_buffer=4096) for kind, sent in KINDS.items()}
        body = UPLOAD + b"Content-Length: 14001\r\n\r\n{"
        honest, idle = connect(server, body), connect(server, LARGE.replace(b"GET", b"HEAD"))
        dripping = drip([slow["half a body"], slow["half a head"]], 5, b" ", 100)
        uploading = drip([honest], 0.6, b" " * 350, 40)
        addresses = {peer.getsockname(): kind for kind, peer in slow.items()}
        closed: dict[str, float] = {}
        wait_until(lambda: addresses.keys() <= held(server))  # all are accepted
        while len(closed) < len(slow) and time.monotonic() < began + PROMISED + START_SECONDS:
            gone = addresses.keys() - held(server)
            closed |= {
                addresses[one]: time.monotonic() - began
                for one in gone
                if addresses[one] not in closed
            }
            time.sleep(0.2)
        for peer in (honest, idle):
            assert peer.getsockname() in held(server)
        idle.recv(65_536)
        idle.sendall(LARGE.replace(b"GET", b"HEAD"))
        assert idle.recv(65_536).startswith(b"HTTP/1.1 200")
        assert honest.recv(65_536).startswith(b"HTTP/1.1 422")
        dripping.set()
        uploading.set()
        for peer in (*slow.values(), honest, idle):
            peer.close()
        records = [json.loads(line) for line in server.log.splitlines() if line.startswith("{")]
    assert closed.keys() == slow.keys()
    record(
        "R18",
        "sockets that say nothing are closed within 30 s",
        f"the last after {max(closed.values()):.0f} s",
    )
    assert max(closed.values()) < PROMISED + MARGIN
    assert [json.dumps(one) for one in records if one["level"] not in ("debug", "info")] == []


def test_300_silent_sockets_leave_256_open_files_to_others(migrated):
    """All sockets belong to one client, whose other requests are also answered."""
    few = (
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256)); from "
        "app.server import __main__"
    )
    with (
        running_server("-c", f"{few}; __main__.main()", LOG_FORMAT="json") as server,
        contextlib.ExitStack() as stack,
    ):

        def ask(number):
            head = (
                b"GET %s HTTP/1.1\r\n"
                % [b"/health/live", b"/health/ready", b"/blog/posts"][number % 3]
            )
            peer = stack.enter_context(
                connect(server, head + HOST + b"\r\n", f"127.0.0.{1 + number % 2}")
            )
            return peer.recv(65_536)[:12]

        for sent in (b"", KINDS["half a head"], KINDS["half a body"]):
            for _ in range(300):
                stack.enter_context(connect(server, sent))
            with ThreadPoolExecutor(30) as hands:
                answers = list(hands.map(ask, range(60)))
            assert answers == [b"HTTP/1.1 200"] * 60
        files = psutil.Process(server.process.pid).num_fds()
        log = server.log
    record(
        "R18",
        "300 silent sockets at 256 open files: others are answered",
        f"180 of 180, {files} files open",
    )
    assert files < 256
    assert "connections_full" in log
    assert '"level":"error"' not in log


def workers(server):
    """Return the pids of the serving processes, without the helper of
    `multiprocessing`.
    """
    found = set()
    for child in psutil.Process(server.process.pid).children():
        with contextlib.suppress(psutil.NoSuchProcess):
            if any("spawn_main" in word for word in child.cmdline()):
                found.add(child.pid)
    return found


def test_busy_processes_stay_and_dead_or_hung_ones_are_replaced(migrated):
    """To the supervisor, a stopped process looks like one that holds the interpreter's
    lock: none of its threads responds.
    """
    sooner = (
        "from app.server import __main__, supervisor; supervisor.HUNG_SECONDS = 20; __main__.main()"
    )
    with running_server("-c", sooner, WEB_CONCURRENCY="2") as server:
        wait_until(lambda: server.log.count("Application startup complete") == 2, START_SECONDS)
        busy, dying = workers(server)
        os.kill(busy, signal.SIGSTOP)
        os.kill(dying, signal.SIGKILL)
        began = time.monotonic()
        wait_until(lambda: len(workers(server) - {busy, dying}) == 1)
        noticed = time.monotonic() - began
        wait_until(lambda: server.log.count("Application startup complete") == 3, START_SECONDS)
        assert httpx2.get(f"{server.url}/health/live", timeout=60).is_success
        answered = time.monotonic() - began
        time.sleep(max(0.0, 7 - answered))  # by default, uvicorn gives a process 5 seconds
        assert busy in workers(server)
        wait_until(lambda: busy not in workers(server), 60)
        assert "process_hung" in server.log
    record(
        "R7",
        "a dead process is replaced within 5 s, while another is busy",
        f"noticed after {noticed:.1f} s, answers after {answered:.1f} s",
    )

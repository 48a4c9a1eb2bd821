"""A stranger's request costs at most 20 ms of CPU before the server knows who sent it
(R18).

Other clients hardly notice a flood.
"""

import socket
import statistics
import threading
import time

import psutil
import pytest

from tests.faults import strangers
from tests.faults.figures import record
from tests.support.server import running_server

pytestmark = pytest.mark.faults
PROMISED = 20  # milliseconds of CPU, on any thread
ALLOWED = (
    3 * PROMISED
)  # a busy machine needs more for the same work; the original faults took 300 to 13,800 ms
REQUESTS = 8
FLOOD_SECONDS = 4
GROUPS = {
    "addresses": strangers.PATHS,
    "queries": strangers.QUERIES,
    "headers": strangers.HEADERS,
    "bodies": strangers.BODIES,
}
REFUSALS = {"400", "401", "404", "405", "413", "415", "422", "429", "431"}


@pytest.fixture(scope="module")
def server(migrated):
    with running_server(LOG_FORMAT="json", TRUSTED_PROXIES="127.0.0.1") as server:
        yield server


def send(server, request):
    """Return the status, or an empty text if the connection broke before the
    response.
    """
    with socket.create_connection(
        ("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=60
    ) as peer:
        try:
            peer.sendall(request)
            return peer.recv(400)[9:12].decode()
        except ConnectionError:
            return ""


def cost(server, request):
    """Return the milliseconds of CPU for one request, and its statuses."""
    process = psutil.Process(server.process.pid)
    statuses = {send(server, request)}
    before = process.cpu_times()
    statuses |= {send(server, request) for _ in range(REQUESTS)}
    after = process.cpu_times()
    return 1000 * (after.user + after.system - before.user - before.system) / REQUESTS, statuses


@pytest.mark.parametrize("group", GROUPS)
def test_a_refusal_costs_at_most_20_ms_of_cpu(server, group):
    costs = {name: cost(server, request) for name, request in GROUPS[group].items()}
    dear, (most, _) = max(costs.items(), key=lambda item: item[1][0])
    record(
        "R18",
        f"hostile {group}: at most {PROMISED} ms of CPU each",
        f"{most:.0f} ms ({dear}), of {len(costs)} kinds",
    )
    assert most < ALLOWED, {name: one for name, one in costs.items() if one[0] > PROMISED}
    odd = {
        name: statuses
        for name, (_, statuses) in costs.items()
        if not statuses <= REFUSALS | {"200"}
    }
    assert odd == {}
    assert "unhandled_error" not in server.log


def seconds_of_others(server, stop):
    """Return how long /health/live takes for another client, until `stop` is set."""
    took = []
    while not stop.is_set():
        began = time.perf_counter()
        assert send(server, strangers.get(b"/health/live")) == "200"
        took.append(time.perf_counter() - began)
        time.sleep(0.02)
    return took


def test_others_hardly_notice_a_flood(server):
    """Four clients send everything as fast as they can.

    Before the work of a request was bounded, the median time of other clients rose from
    4 to 2,553 ms.
    """
    requests = [request for group in GROUPS.values() for request in group.values()]
    stop = threading.Event()

    def flood(number):
        position = number * len(requests) // 4
        while not stop.is_set():
            send(server, requests[position % len(requests)])
            position += 1

    clients = [threading.Thread(target=flood, args=(number,)) for number in range(4)]
    threading.Timer(FLOOD_SECONDS, stop.set).start()
    for client in clients:
        client.start()
    took = seconds_of_others(server, stop)
    for client in clients:
        client.join()
    median, slowest = statistics.median(took), max(took)
    measured = f"median {median * 1000:.0f} ms, slowest {slowest * 1000:.0f} ms"
    record("R18", "/health/live of others while 4 clients send all of it", measured)
    assert median < 1, measured
    assert slowest < 10, (
        measured
    )  # one of the original faults blocked all clients for 13.8 s with one request

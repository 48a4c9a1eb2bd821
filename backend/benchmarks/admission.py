"""Benchmark of the session dependency: `get_db` with admission, and the usual
generator.

64 clients each read one row, as a signed-in user. Each variant is a separate server
process. All variants use the same PostgreSQL server, which is the server in
POSTGRES_TEST_URL or a server that is installed from PyPI.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from statistics import quantiles
from urllib.parse import urlsplit

import uvicorn

from benchmarks.clients import wait_for
from tests.support import databases

CLIENTS, SECONDS = 64, 10
SIZES = ((8, 8), (40, 20))  # threads and connections of the server
VARIANTS = {"usual": "usual generator", "ours": "with admission"}


def serve(variant: str, port: int) -> None:
    """Run the application. With `usual`, replace `get_db` with the usual generator."""
    from app.db.database import SessionLocal, get_db
    from app.main import app

    def usual() -> Iterator[object]:
        with SessionLocal() as db:
            yield db
            db.commit()

    if variant == "usual":
        app.dependency_overrides[get_db] = usual
    uvicorn.run(app, port=port, log_config=None, access_log=False)


async def client(url: str, token: str, times: list[float], until: float) -> None:
    """Send requests on one connection until this time. Record the seconds that each 200
    response took.
    """
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    start = f"GET {address.path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}"
    ask = f"{start}\r\n\r\n".encode()
    while (sent := time.monotonic()) < until:
        writer.write(ask)
        try:
            async with asyncio.timeout(until - sent):
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length:")[1].split()[0])
                await reader.readexactly(length)
        except TimeoutError:
            break
        if head.split()[1] == b"200":
            times.append(time.monotonic() - sent)
    writer.close()


async def load(url: str, token: str) -> list[float]:
    """Return how many seconds each response took."""
    times: list[float] = []
    until = time.monotonic() + SECONDS
    await asyncio.gather(*(client(url, token, times, until) for _ in range(CLIENTS)))
    return times


def measure(variant: str, token: str, threads: int, connections: int) -> tuple[float, float]:
    """Return the requests per second, and the 99th percentile in milliseconds."""
    from tests.support.server import free_port

    port = free_port()
    command = [sys.executable, "-m", "benchmarks.admission", variant, str(port)]
    sizes = {
        "WORKER_THREADS": threads,
        "DATABASE_POOL_SIZE": connections,
        "DATABASE_MAX_OVERFLOW": 0,
    }
    settings = {name: str(value) for name, value in sizes.items()} | {"LOG_LEVEL": "error"}
    process = subprocess.Popen(command, env=os.environ | settings)
    try:
        wait_for(port)
        times = asyncio.run(load(f"http://127.0.0.1:{port}/auth/me", token))
    finally:
        process.kill()
        process.wait()
    slowest = quantiles(times, n=100)[98] * 1000 if len(times) > 1 else float("inf")
    return len(times) / SECONDS, slowest


def compare(token: str, threads: int, connections: int) -> None:
    print(f"\n{threads} threads, {connections} connections")
    rates = {}
    for variant, name in VARIANTS.items():
        rates[variant], slowest = measure(variant, token, threads, connections)
        print(f"  {name:<18}{rates[variant]:6.0f} requests/s   p99 {slowest:6.0f} ms")
    ratio = (
        f"{rates['ours'] / rates['usual']:.2f}"
        if rates["usual"]
        else "none: the usual generator stands still"
    )
    print(f"  ratio {ratio}")


def main() -> None:
    os.environ.update(databases.environment("postgresql"))
    os.environ["DATABASE_URL"] = databases.create("postgresql", "bench")
    from app import cli
    from tests.auth.factories import make_user, token_for

    try:
        cli.migrate()
        token = token_for(make_user())
        print(f"GET /auth/me, {CLIENTS} clients, {SECONDS} s each")
        for threads, connections in SIZES:
            compare(token, threads, connections)
    finally:
        databases.stop_servers()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        serve(sys.argv[1], int(sys.argv[2]))
    else:
        main()

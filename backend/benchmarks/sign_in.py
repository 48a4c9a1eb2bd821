"""Benchmark of sign-ins, and of other routes during many sign-ins.

It measures sign-ins per second. It also measures the 99th percentile of a public read,
first on an idle server and then during the sign-ins. One server process runs on
PostgreSQL.
"""

import asyncio
import os
import subprocess
import sys
import time
from statistics import quantiles

from benchmarks.clients import ask, wait_for
from tests.support import databases

SECONDS = 10
FLOOD = 32  # clients that sign in, each with the correct password of a different account
READERS = 2
PASSWORD = "a long enough password"  # noqa: S105 - an invented password


async def keep(url: str, times: list[float], until: float, body: bytes = b"") -> None:
    while time.monotonic() < until:
        took = await ask(url, body)
        if took is not None:
            times.append(took)


async def run(url: str, names: list[str]) -> tuple[list[float], list[float]]:
    """Return how long each read and each sign-in took, while the users with these names
    sign in.
    """
    reads: list[float] = []
    sign_ins: list[float] = []
    until = time.monotonic() + SECONDS
    bodies = [f"username={name}&password={PASSWORD.replace(' ', '+')}".encode() for name in names]
    await asyncio.gather(
        *(keep(f"{url}/blog/posts", reads, until) for _ in range(READERS)),
        *(keep(f"{url}/auth/token", sign_ins, until, body) for body in bodies),
    )
    return reads, sign_ins


def p99(times: list[float]) -> float:
    """Return the 99th percentile in milliseconds."""
    return quantiles(times, n=100)[98] * 1000


def main() -> None:
    os.environ.update(
        databases.environment("postgresql") | {"PASSWORD_HASH_KIB": ""}
    )  # the cost of hashing in production
    os.environ["DATABASE_URL"] = databases.create("postgresql", "bench")
    from app import cli
    from tests.auth.factories import make_user
    from tests.support.server import free_port

    try:
        cli.migrate()
        names = [make_user(PASSWORD).username for _ in range(FLOOD)]
        port = free_port()
        command = [sys.executable, "-m", "app.server"]
        server = subprocess.Popen(
            command, env=os.environ | {"PORT": str(port), "LOG_LEVEL": "error"}
        )
        try:
            wait_for(port)
            idle, _ = asyncio.run(run(f"http://127.0.0.1:{port}", []))
            busy, sign_ins = asyncio.run(run(f"http://127.0.0.1:{port}", names))
        finally:
            server.kill()
            server.wait()
        print(f"\n{FLOOD} clients sign in, {READERS} read, {SECONDS} s, {os.cpu_count()} cores")
        print(f"  {len(sign_ins) / SECONDS:.0f} sign-ins/s, p99 {p99(sign_ins):.0f} ms")
        print(
            f"  GET /blog/posts: p99 {p99(idle):.0f} ms idle, {p99(busy):.0f} ms during the flood"
        )
        print(f"  ratio {p99(busy) / p99(idle):.1f}")
    finally:
        databases.stop_servers()


if __name__ == "__main__":
    main()

"""HTTP clients for the benchmarks.

They use plain sockets, because a client library would be the bottleneck.
"""

import asyncio
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

WAIT_SECONDS = 30


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def ask(url: str, body: bytes = b"", headers: Mapping[str, str] = FORM) -> float | None:
    """Return how many seconds one request took on a new connection.

    Return `None` if the status is not 200.
    """
    address = urlsplit(url)
    method = "POST" if body else "GET"
    fields = {
        "Host": "localhost",
        "Connection": "close",
        "Content-Length": str(len(body)),
        **headers,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    began = time.monotonic()
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(f"{method} {address.path} HTTP/1.1\r\n{head}\r\n".encode() + body)
    answer = await reader.read()
    writer.close()
    return time.monotonic() - began if answer.split(b" ", 2)[1] == b"200" else None


def wait_for(port: int) -> None:
    """Wait until a server listens on the port. Raises `TimeoutError`."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not asyncio.run(_listens(port)):
        if time.monotonic() > deadline:
            raise TimeoutError(f"nobody listens on port {port}")
        time.sleep(0.1)


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True

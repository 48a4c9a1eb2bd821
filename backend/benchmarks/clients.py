"""What the comparisons ask servers with: by hand, because a client library would be the bottleneck."""

import asyncio
import time
from urllib.parse import urlsplit

WAIT_SECONDS = 30


async def ask(url: str, body: bytes = b"") -> float | None:
    """How many seconds one request took, over a connection of its own; None unless it was answered with 200."""
    address = urlsplit(url)
    method = "POST" if body else "GET"
    head = (
        f"{method} {address.path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {len(body)}\r\n"
    )
    head += "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    began = time.monotonic()
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(head.encode() + body)
    answer = await reader.read()
    writer.close()
    return time.monotonic() - began if answer.split(b" ", 2)[1] == b"200" else None


def wait_for(port: int) -> None:
    """Until somebody listens there. Raises `TimeoutError`."""
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

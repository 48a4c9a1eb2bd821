"""Benchmark of the Stripe simulator, in one process.

It measures requests per second, the time to advance the clock by a year with 1,000
subscriptions, and the size of the state file afterwards.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx2
import psutil
import stripe

from benchmarks.clients import wait_for
from tests.support.server import free_port

SECONDS = 5
CLIENTS = 8  # each client keeps one connection open, like stripe-python
SUBSCRIPTIONS = 1000
START = 1_767_225_600  # 2026-01-01
YEAR = 365 * 24 * 3600
KEY = "sk_test_benchmark"


async def keep_asking(port: int, path: str, until: float) -> int:
    """Send requests until this time, and return the number of responses."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    start = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {KEY}"
    request = f"{start}\r\n\r\n".encode()
    count = 0
    while time.monotonic() < until:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        count += 1
    writer.close()
    return count


async def answers_per_second(port: int, path: str) -> float:
    until = time.monotonic() + SECONDS
    return (
        sum(await asyncio.gather(*(keep_asking(port, path, until) for _ in range(CLIENTS))))
        / SECONDS
    )


def subscribe(port: int) -> str:
    """Create 1,000 customers, each with a paid monthly subscription.

    Return one of the customers.
    """
    http = stripe.RequestsClient(timeout=60)
    v1 = stripe.StripeClient(
        KEY, base_addresses={"api": f"http://127.0.0.1:{port}"}, http_client=http
    ).v1
    product = v1.products.create({"name": "Pro"})
    price = v1.prices.create(
        {
            "product": product.id,
            "unit_amount": 1900,
            "currency": "usd",
            "recurring": {"interval": "month"},
        }
    )
    for number in range(SUBSCRIPTIONS):
        customer = v1.customers.create(
            {
                "email": f"customer{number}@example.com",
                "name": f"Customer {number}",
                "payment_method": "pm_card_visa",
                "invoice_settings": {"default_payment_method": "pm_card_visa"},
            }
        )
        v1.subscriptions.create(
            {
                "customer": customer.id,
                "items": [{"price": price.id}],
                "metadata": {"n": str(number)},
            }
        )
    return customer.id


def advance(port: int) -> float:
    """Advance the clock by a year, and return how many seconds that took."""
    began = time.monotonic()
    answer = httpx2.post(
        f"http://127.0.0.1:{port}/_simulator/api/clock/advance",
        json={"seconds": YEAR},
        timeout=600,
        trust_env=False,
    )
    answer.raise_for_status()
    counts = answer.json()["objects"]
    assert counts["invoice"] >= SUBSCRIPTIONS * 12, counts
    return time.monotonic() - began


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        state = Path(folder) / "state.db"
        command = [
            sys.executable,
            "-m",
            "simulator",
            "--port",
            str(port),
            "--state",
            str(state),
            "--now",
            str(START),
        ]
        simulator = subprocess.Popen(command, env=os.environ)
        try:
            wait_for(port)
            began = time.monotonic()
            customer = subscribe(port)
            made = time.monotonic() - began
            rate = asyncio.run(answers_per_second(port, f"/v1/customers/{customer}"))
            year = advance(port)
            memory = psutil.Process(simulator.pid).memory_info().rss
            again = asyncio.run(answers_per_second(port, f"/v1/customers/{customer}"))
        finally:
            simulator.terminate()
            simulator.wait()
        size = sum(file.stat().st_size for file in state.parent.iterdir())
    print(f"\nThe Stripe simulator, one process, {os.cpu_count()} cores")
    print(f"  customers.retrieve: {rate:.0f} requests/s; {again:.0f} after the year")
    print(f"  {SUBSCRIPTIONS} customers and subscriptions through stripe-python: {made:.1f} s")
    print(
        f"  a simulated year of them: {year:.1f} s, state file {size / 1e6:.1f} MB, "
        f"{memory / 1e6:.0f} MB of memory"
    )


if __name__ == "__main__":
    main()

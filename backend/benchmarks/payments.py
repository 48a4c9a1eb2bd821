"""Benchmark of webhooks, and of other routes while Stripe does not respond.

It measures webhooks per second, including signature check and insert. It also measures
the 99th percentile of a public read, first on an idle server and then while checkouts
wait for Stripe. One server process runs on PostgreSQL.
"""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import count
from statistics import quantiles

import stripe

from benchmarks.clients import ask, wait_for
from tests.support import databases

SECONDS = 10
SENDERS = 16
READERS = 2
BUYERS = 32  # each buyer sends checkout requests, one after the other
SECRET = "whsec_of_this_benchmark"  # noqa: S105 - an invented secret
STRIPE = {"STRIPE_SECRET_KEY": "sk_test_benchmark", "STRIPE_WEBHOOK_SECRET": SECRET}


def events() -> Iterator[bytes]:
    """Yield new events in Stripe's format. Each event describes a subscription in two
    kilobytes.
    """
    for number in count():
        about = {
            "object": "subscription",
            "id": f"sub_{number}",
            "customer": f"cus_{number}",
            "note": "." * 1_700,
        }
        event = {
            "object": "event",
            "id": f"evt_{number}",
            "type": "customer.subscription.updated",
            "livemode": False,
        }
        yield json.dumps(event | {"created": int(time.time()), "data": {"object": about}}).encode()


async def send(url: str, source: Iterator[bytes], times: list[float], until: float) -> None:
    while time.monotonic() < until:
        body = next(source)
        signature = stripe.WebhookSignature.generate_signature_header(body.decode(), SECRET)
        took = await ask(
            url, body, {"Content-Type": "application/json", "Stripe-Signature": signature}
        )
        if took is not None:
            times.append(took)


async def webhooks(url: str) -> list[float]:
    times: list[float] = []
    source, until = events(), time.monotonic() + SECONDS
    await asyncio.gather(
        *(send(f"{url}/payments/webhook", source, times, until) for _ in range(SENDERS))
    )
    return times


async def read(url: str, times: list[float], until: float) -> None:
    while time.monotonic() < until:
        if (took := await ask(url)) is not None:
            times.append(took)


async def buy(url: str, token: str, until: float) -> None:
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    while time.monotonic() < until:
        await ask(url, b'{"plan": "team"}', headers)


async def reads(url: str, tokens: list[str]) -> list[float]:
    """Return how long each read took, while these users send checkout requests."""
    times: list[float] = []
    until = time.monotonic() + SECONDS
    buyers = [
        asyncio.create_task(buy(f"{url}/payments/checkout", token, until)) for token in tokens
    ]
    await asyncio.sleep(1 if tokens else 0)  # after a second, the checkouts wait for Stripe
    await asyncio.gather(*(read(f"{url}/blog/posts", times, until) for _ in range(READERS)))
    for buyer in buyers:
        buyer.cancel()
    return times


async def say_nothing(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    with contextlib.suppress(asyncio.CancelledError):
        await reader.read()


async def against_silence(
    url: str, tokens: list[str], port: int
) -> tuple[list[float], list[float]]:
    """Measure reads, first on an idle server and then while checkouts wait for a silent
    Stripe.

    The silent Stripe listens on `port`. It receives requests and never responds.
    """
    silence = await asyncio.start_server(say_nothing, "127.0.0.1", port)
    try:
        return await reads(url, []), await reads(url, tokens)
    finally:
        silence.close()


def sell() -> None:
    """Store the plans as if they had been created in Stripe."""
    from app.routers.payments.gateway import SeenPrice
    from app.routers.payments.plans import plan_file, publishing
    from tests.payments.factories import store_plans

    paid = [offer for offer in plan_file.read_plan_file() if not offer.is_free]
    prices = [
        SeenPrice(
            f"price_{offer.slug}",
            publishing.product_id(offer),
            publishing.lookup_key(offer),
            offer.currency,
            offer.amount,
            offer.interval,
            is_active=True,
        )
        for offer in paid
    ]
    store_plans(publishing.AtStripe({}, {price.lookup_key: price for price in prices}))


def p99(times: list[float]) -> float:
    """Return the 99th percentile in milliseconds."""
    return quantiles(times, n=100)[98] * 1000


def main() -> None:
    os.environ.update(databases.environment("postgresql"))
    os.environ["DATABASE_URL"] = databases.create("postgresql", "bench")
    from app import cli
    from tests.auth.factories import make_user, token_for
    from tests.support.server import free_port

    try:
        cli.migrate()
        sell()
        tokens = [token_for(make_user()) for _ in range(BUYERS)]
        port, stripe_port = free_port(), free_port()
        there = {
            "STRIPE_API_BASE": f"http://127.0.0.1:{stripe_port}",
            "PORT": str(port),
            "LOG_LEVEL": "error",
        }
        server = subprocess.Popen(
            [sys.executable, "-m", "app.server"], env=os.environ | STRIPE | there
        )
        try:
            wait_for(port)
            url = f"http://127.0.0.1:{port}"
            sent = asyncio.run(webhooks(url))
            idle, hanging = asyncio.run(against_silence(url, tokens, stripe_port))
        finally:
            server.kill()
            server.wait()
        print(f"\n{SENDERS} senders of webhooks, {SECONDS} s, {os.cpu_count()} cores")
        print(f"  {len(sent) / SECONDS:.0f} webhooks/s, p99 {p99(sent):.0f} ms")
        print(f"{BUYERS} people wait for a Stripe that hangs, {READERS} read, {SECONDS} s")
        print(f"  GET /blog/posts: p99 {p99(idle):.0f} ms idle, {p99(hanging):.0f} ms meanwhile")
        print(f"  ratio {p99(hanging) / p99(idle):.1f}")
    finally:
        databases.stop_servers()


if __name__ == "__main__":
    main()

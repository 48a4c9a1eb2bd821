"""The contents of the simulator, read as plain JSON."""

from typing import Any

import httpx2

from tests.simulator.conftest import KEY, Simulator


def at_stripe(simulator: Simulator, path: str) -> dict[str, Any]:
    """Return all objects of a list, by id. A path that has a query must end in `&`."""
    found: dict[str, Any] = {}
    after = ""
    while True:
        url = f"{simulator.url}/v1/{path}{'' if '?' in path else '?'}limit=100{after}"
        page = httpx2.get(url, headers={"Authorization": f"Bearer {KEY}"}).json()
        found |= {one["id"]: one for one in page["data"]}
        if not page["has_more"]:
            return found
        after = f"&starting_after={page['data'][-1]['id']}"

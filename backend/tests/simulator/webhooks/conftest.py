from collections.abc import Iterator

import pytest

from tests.simulator.conftest import Simulator
from tests.simulator.webhooks.receiver import Receiver, receiving


@pytest.fixture
def receiver(simulator: Simulator) -> Iterator[Receiver]:
    """A receiver that is registered for all events."""
    with receiving() as found:
        endpoint = simulator.client().v1.webhook_endpoints.create(
            {"url": found.url, "enabled_events": ["*"]}
        )
        assert endpoint.secret
        found.secret = endpoint.secret
        yield found
        simulator.control("chaos")
        simulator.settle()

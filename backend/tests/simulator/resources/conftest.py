import pytest
from stripe._v1_services import V1Services

from tests.simulator.shop import Shop


@pytest.fixture
def shop(v1: V1Services) -> Shop:
    return Shop(v1)


@pytest.fixture
def running(shop):
    """A subscription of 10.00 a month since January 1."""
    return shop.subscribe(shop.customer(), shop.price(1000))


@pytest.fixture
def open_session(shop, v1):
    def opened(**fields):
        wanted = {
            "mode": "subscription",
            "line_items": [{"price": shop.price(1000), "quantity": 1}],
            "success_url": "https://app.example/done?session={CHECKOUT_SESSION_ID}",
            **fields,
        }
        return v1.checkout.sessions.create(
            {name: value for name, value in wanted.items() if value is not None}
        )

    return opened

import pytest
from stripe._v1_services import V1Services

from simulator.billing import checkout
from simulator.billing.checkout import CardForm
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


@pytest.fixture
def press(simulator):
    """`press(session)` fills in the page of a Checkout session and submits the form.

    The call returns the URL of the next page, which may be that of 3-D Secure.
    """

    def pressed(session, number="4242 4242 4242 4242", code=None):
        form = CardForm(number, 12, 2030, "123", "ada@example.com", "Ada") if number else None
        with simulator.store.work() as work:
            found = work.get("checkout.session", session.id)
            checkout.pay(work, found, form, code)
            return checkout.next_step(work, found)

    return pressed

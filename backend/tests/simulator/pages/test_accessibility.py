"""axe, which checks accessibility, finds no fault on any page.

Each page is checked in light and in dark colours.
"""

from pathlib import Path

import pytest

from tests.simulator.pages.conftest import fill_in
from tests.support import npm

pytest_plugins = ["tests.support.browser"]
pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parent / "axe"
LOOK = "axe.run().then(found => found.violations.map(one => `${one.id}: ${one.nodes[0].html}`))"


@pytest.fixture(scope="module")
def axe() -> str:
    npm.install(FOLDER)
    return (FOLDER / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")


@pytest.fixture
def look(browser, axe):
    """`look(*addresses)` returns the faults of each page, by the address and the
    colours.
    """

    def at(*addresses):
        def act(page):
            found = {}
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                for address in addresses:
                    page.goto(address)
                    page.evaluate(axe)
                    found[scheme, address] = page.evaluate(LOOK)
            return found

        return {page: faults for page, faults in browser(act).found.items() if faults}

    return at


def test_checkout(look, shop):
    session = shop.session(allow_promotion_codes=True, subscription_data={"trial_period_days": 7})
    assert look(session.url, f"{session.url}?promotion_code=NOPE") == {}


def test_the_mistakes_of_a_form(browser, axe, shop):
    session = shop.session()

    def act(page):
        page.goto(session.url)
        fill_in(page, "4242", Email="ada")
        page.get_by_role("button", name="Subscribe").click()
        page.evaluate(axe)
        return page.evaluate(LOOK)

    assert browser(act).found == []


def test_the_portal(look, shop):
    subscription = shop.subscriber()
    shop.v1.payment_methods.attach("pm_card_mastercard", {"customer": str(subscription.customer)})
    portal = shop.portal(subscription)
    own = f"{portal}/subscriptions/{subscription.id}"
    pages = (
        portal,
        f"{own}/change",
        f"{own}/preview?price={shop.pro}",
        f"{own}/cancel",
        f"{portal}/cards",
    )
    assert look(*pages) == {}


def test_invoices_and_the_control_page(look, shop, simulator):
    shop.v1.webhook_endpoints.create(
        {"url": "http://127.0.0.1:9/nobody", "enabled_events": ["customer.created"]}
    )
    subscription = shop.subscriber()
    simulator.settle()
    (invoice,) = shop.v1.invoices.list().data
    control, objects = f"{simulator.url}/_simulator", f"{simulator.url}/_simulator/objects"
    pages = (control, f"{objects}/event", f"{objects}/invoice/{subscription.latest_invoice}")
    assert look(str(invoice.hosted_invoice_url), *pages) == {}

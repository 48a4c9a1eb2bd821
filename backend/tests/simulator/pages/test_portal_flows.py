"""A portal session for a single action, which leads back to the seller afterwards."""

import httpx2
import pytest
from playwright.sync_api import expect

from tests.simulator.pages.conftest import fill_in, picture

pytest_plugins = ["tests.support.browser"]

CARD = {"number": "5555555555554444", "expiry": "12/34", "cvc": "123", "name": "Ada", "act": "save"}


@pytest.fixture
def web():
    with httpx2.Client(follow_redirects=True, timeout=20) as client:
        yield client


def redirect(shop):
    return {"type": "redirect", "redirect": {"return_url": f"{shop.back}?flow=done"}}


def confirm(shop, subscription, **item):
    wanted = {"id": subscription["items"].data[0].id, "price": shop.pro, **item}
    part = {"subscription": subscription.id, "items": [wanted]}
    return {"type": "subscription_update_confirm", "subscription_update_confirm": part}


def test_a_change_is_confirmed_and_leads_back(browser, shop):
    subscription = shop.subscriber()
    url = shop.portal(
        subscription, **confirm(shop, subscription, quantity=2), after_completion=redirect(shop)
    )

    def act(page):
        page.goto(url)
        expect(page.get_by_role("heading", name="Confirm your change")).to_be_visible()
        expect(page.get_by_role("link", name="Return")).to_have_attribute("href", shop.back)
        picture(page, "portal-flow-confirm")
        due = page.locator("li.total span").last.inner_text()
        page.get_by_role("button", name="Confirm").click()
        page.wait_for_url("**?flow=done")
        return due

    assert browser(act).found == "$50.00"
    changed = shop.v1.subscriptions.retrieve(subscription.id)["items"].data[0]
    assert (changed.price.id, changed.quantity) == (shop.pro, 2)


def test_a_card_is_updated_and_the_last_page_says_so(browser, shop):
    subscription = shop.subscriber()
    told = {
        "type": "hosted_confirmation",
        "hosted_confirmation": {"custom_message": "Thank you, Ada."},
    }
    url = shop.portal(subscription, type="payment_method_update", after_completion=told)

    def act(page):
        page.goto(url)
        fill_in(page, "5555 5555 5555 4444")
        page.get_by_role("button", name="Save this card").click()
        expect(page.get_by_role("heading", name="Your card is saved.")).to_be_visible()
        expect(page.get_by_text("Thank you, Ada.")).to_be_visible()
        picture(page, "portal-flow-card")
        page.get_by_role("link", name="Return").click()
        page.wait_for_url(shop.back)

    browser(act)
    card = shop.v1.customers.retrieve(
        subscription.customer, {"expand": ["invoice_settings.default_payment_method"]}
    ).invoice_settings.default_payment_method
    assert card.card.last4 == "4444"


def test_a_card_with_3d_secure_ends_the_flow_once_it_passes(web, shop):
    subscription = shop.subscriber()
    url = shop.portal(subscription, type="payment_method_update", after_completion=redirect(shop))
    page = web.post(str(web.get(url).url), data=CARD | {"number": "4000002500003155"})
    page = web.post(str(page.url), data={"outcome": "complete"})
    assert str(page.url).endswith("?flow=done")


def test_a_cancellation_leads_to_the_overview(web, shop):
    subscription = shop.subscriber()
    part = {"subscription": subscription.id}
    url = shop.portal(subscription, type="subscription_cancel", subscription_cancel=part)
    page = web.get(url)
    assert "<h1>Cancel subscription</h1>" in page.text
    assert f'href="{shop.back}"' in page.text
    page = web.post(str(page.url), data={})
    assert "Your subscription is cancelled." in page.text
    assert shop.v1.subscriptions.retrieve(subscription.id).cancel_at is not None
    assert "Your subscription is cancelled." in web.get(url).text  # the flow has already ended


def test_a_plan_is_chosen(web, shop):
    subscription = shop.subscriber()
    part = {"subscription": subscription.id}
    after = redirect(shop)
    asked = {"type": "subscription_update", "subscription_update": part, "after_completion": after}
    page = web.get(shop.portal(subscription, **asked))
    assert "<h1>Change plan</h1>" in page.text
    page = web.post(str(page.url), data={"price": shop.pro})
    assert str(page.url).endswith("?flow=done")
    assert shop.v1.subscriptions.retrieve(subscription.id)["items"].data[0].price.id == shop.pro


def test_a_change_with_3d_secure_ends_the_flow_once_it_passes(web, shop):
    subscription = shop.subscriber()
    method = shop.v1.payment_methods.attach(
        "pm_card_authenticationRequired", {"customer": str(subscription.customer)}
    )
    shop.v1.subscriptions.update(subscription.id, {"default_payment_method": method.id})
    asked = confirm(shop, subscription)
    url = shop.portal(subscription, **asked, after_completion=redirect(shop))
    preview = web.get(url)
    change_url = str(preview.url).partition("/preview")[0] + "/change"
    page = web.post(change_url, data={"price": shop.pro})
    assert "3-D Secure" in page.text
    page = web.post(str(page.url), data={"outcome": "complete"})
    assert str(page.url).endswith("?flow=done")


def test_only_the_change_to_confirm_can_be_confirmed(web, shop):
    subscription = shop.subscriber()
    url = shop.portal(subscription, **confirm(shop, subscription))
    change_url = str(web.get(url).url).partition("/preview")[0] + "/change"
    assert web.post(change_url, data={"price": shop.basic}).status_code == 404
    assert web.get(url.replace("/flow", "x/flow")).status_code == 404
    assert web.get(shop.portal(subscription) + "/flow").status_code == 404

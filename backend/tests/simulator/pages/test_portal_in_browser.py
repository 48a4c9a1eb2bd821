"""The billing portal in a real browser."""

from playwright.sync_api import expect

from tests.simulator.pages.conftest import fill_in, picture

pytest_plugins = ["tests.support.browser"]


def test_the_plan_is_changed_after_a_look_at_what_it_costs(browser, shop):
    subscription = shop.subscriber()

    def act(page):
        page.goto(shop.portal(subscription))
        expect(page.get_by_text("It renews on 1 February 2026.")).to_be_visible()
        picture(page, "portal")
        page.get_by_role("link", name="Change plan").click()
        page.get_by_label("Pro").check()
        picture(page, "portal-change")
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_text("Due now")).to_be_visible()
        due = page.locator("li.total span").last.inner_text()
        picture(page, "portal-preview")
        page.get_by_role("button", name="Confirm").click()
        expect(page.get_by_role("status")).to_have_text("Your plan is changed.")
        expect(page.get_by_role("heading", name="Pro")).to_be_visible()
        return due

    visit = browser(act)
    assert visit.found == "$20.00"
    assert visit.complaints == []
    changed = shop.v1.subscriptions.retrieve(subscription.id, {"expand": ["latest_invoice"]})
    assert changed["items"].data[0].price.id == shop.pro
    assert (changed.latest_invoice.total, changed.latest_invoice.status) == (2000, "paid")


def test_a_subscription_is_cancelled_at_period_end_and_then_kept(browser, shop):
    subscription = shop.subscriber()

    def act(page):
        page.goto(shop.portal(subscription))
        page.get_by_role("link", name="Cancel subscription").click()
        expect(page.get_by_text("until 1 February 2026")).to_be_visible()
        picture(page, "portal-cancel")
        page.get_by_role("button", name="Cancel subscription").click()
        expect(
            page.get_by_text("It ends on 1 February 2026, and is not charged again.")
        ).to_be_visible()
        picture(page, "portal-cancelled")
        cancelled = shop.v1.subscriptions.retrieve(subscription.id)
        end = cancelled["items"].data[0].current_period_end
        assert (cancelled.cancel_at, cancelled.cancel_at_period_end) == (
            end,
            False,
        )  # the same as in Stripe's own portal
        page.get_by_role("button", name="Keep subscription").click()
        expect(page.get_by_text("It renews on 1 February 2026.")).to_be_visible()

    assert browser(act).complaints == []
    kept = shop.v1.subscriptions.retrieve(subscription.id)
    assert (kept.status, kept.cancel_at_period_end, kept.cancel_at) == ("active", False, None)
    events = shop.v1.events.list({"type": "customer.subscription.updated"}).data
    assert [event.data.previous_attributes["cancel_at"] is None for event in events] == [
        False,
        True,
    ]


def test_a_card_is_added_and_becomes_the_one_that_pays(browser, shop):
    subscription = shop.subscriber()

    def act(page):
        page.goto(shop.portal(subscription))
        page.get_by_role("link", name="Add another card").click()
        fill_in(page, "4000 0000 0000 0002")
        page.get_by_role("button", name="Save this card").click()
        said = page.get_by_role("alert").inner_text()
        picture(page, "portal-card")
        fill_in(page, "5555 5555 5555 4444")
        page.get_by_role("button", name="Save this card").click()
        expect(page.get_by_role("status")).to_have_text("Your card is saved.")
        page.get_by_role("button", name="Remove the card that ends in 4242").click()
        expect(page.get_by_role("status")).to_have_text("The card is removed.")
        return said

    visit = browser(act)
    assert visit.found == "Your card was declined."
    assert visit.complaints == []
    customer = shop.v1.customers.retrieve(
        subscription.customer, {"expand": ["invoice_settings.default_payment_method"]}
    )
    assert customer.invoice_settings.default_payment_method.card.last4 == "4444"
    assert [
        one.card.last4 for one in shop.v1.payment_methods.list({"customer": customer.id}).data
    ] == ["4444"]


def test_a_card_that_wants_3d_secure_is_saved_when_it_is_passed(browser, shop):
    subscription = shop.subscriber()

    def act(page):
        page.goto(shop.portal(subscription))
        page.get_by_role("link", name="Add another card").click()
        fill_in(page, "4000 0025 0000 3155")
        page.get_by_role("button", name="Save this card").click()
        page.get_by_role("button", name="Complete authentication").click()
        expect(page.get_by_role("status")).to_have_text("Your card is saved.")

    assert browser(act).complaints == []
    cards = shop.v1.payment_methods.list({"customer": subscription.customer}).data
    assert sorted(one.card.last4 for one in cards) == ["3155", "4242"]


def test_invoices_have_a_page_and_a_pdf(browser, shop):
    subscription = shop.subscriber()

    def act(page):
        page.goto(shop.portal(subscription))
        page.get_by_role("region", name="Invoices").get_by_role("link").click()
        expect(page.get_by_role("heading", name="Invoice ")).to_be_visible()
        expect(page.get_by_text("$10.00 paid")).to_be_visible()
        picture(page, "invoice")
        with page.expect_download() as download:
            page.get_by_role("link", name="Download PDF").click()
        return download.value.path().read_bytes()

    file = browser(act).found
    assert file.startswith(b"%PDF-1.4")
    assert b"$10.00" in file
    number = shop.v1.invoices.list().data[0].number
    assert f"(Number {number})".encode() in file


def test_an_unknown_portal_is_not_found(browser, simulator):
    visit = browser(lambda page: page.goto(f"{simulator.url}/p/session/unknown").status)
    assert visit.found == 404

"""Checkout in a real browser."""

from playwright.sync_api import Page, expect

from tests.simulator.pages.conftest import fill_in, picture

pytest_plugins = ["tests.support.browser"]

EMAIL = {"Email": "ada@example.com"}


def pay(page: Page, button: str = "Subscribe") -> None:
    page.get_by_role("button", name=button).click()


def test_a_good_card_buys_the_subscription(browser, shop):
    session = shop.session()

    def act(page):
        page.goto(session.url)
        expect(page.get_by_role("heading", name="Subscribe to Basic")).to_be_visible()
        expect(page.get_by_text("Total due today")).to_be_visible()
        picture(page, "checkout")
        fill_in(page, "4242 4242 4242 4242", **EMAIL)
        pay(page)
        page.wait_for_url("**/_simulator?bought=*")
        return page.url

    visit = browser(act)
    assert visit.found == f"{shop.back}?bought={session.id}"
    assert visit.complaints == []
    done = shop.v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription", "customer"]})
    assert (done.status, done.payment_status) == ("complete", "paid")
    assert done.subscription.status == "active"
    assert (done.customer.email, done.customer_details.name) == ("ada@example.com", "Ada Example")
    assert [one.amount for one in shop.v1.charges.list().data] == [1000]


def test_a_declined_card_is_told_so_and_another_one_buys(browser, shop):
    session = shop.session()

    def act(page):
        page.goto(session.url)
        said = []
        for number in ("4000 0000 0000 0002", "4000 0000 0000 9995"):
            fill_in(page, number, **EMAIL)
            pay(page)
            said.append(page.get_by_role("alert").inner_text())
            expect(page.get_by_label("Email")).to_have_value("ada@example.com")
        picture(page, "checkout-declined")
        assert shop.v1.checkout.sessions.retrieve(session.id).status == "open"
        assert shop.v1.subscriptions.list({"status": "active"}).data == []
        fill_in(page, "5555 5555 5555 4444")
        pay(page)
        page.wait_for_url("**/_simulator?bought=*")
        return said

    visit = browser(act)
    assert visit.found == ["Your card was declined.", "Your card has insufficient funds."]
    assert visit.complaints == []
    assert [one.status for one in shop.v1.subscriptions.list().data] == ["active"]


def test_3d_secure_is_asked_for_and_can_fail_and_be_passed(browser, shop):
    session = shop.session()

    def act(page):
        page.goto(session.url)
        fill_in(page, "4000 0025 0000 3155", **EMAIL)
        pay(page)
        expect(page.get_by_role("heading", name="3-D Secure")).to_be_visible()
        picture(page, "three-d-secure")
        page.get_by_role("button", name="Fail authentication").click()
        said = page.get_by_role("alert").inner_text()
        assert shop.v1.checkout.sessions.retrieve(session.id).status == "open"
        fill_in(page, "4000 0025 0000 3155", **EMAIL)
        pay(page)
        page.get_by_role("button", name="Complete authentication").click()
        page.wait_for_url("**/_simulator?bought=*")
        return said

    visit = browser(act)
    assert visit.found.startswith("We are unable to authenticate your payment method.")
    assert visit.complaints == []
    assert shop.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"
    assert [one.status for one in shop.v1.subscriptions.list().data] == ["active"]


def test_a_trial_is_free_until_it_ends(browser, shop):
    session = shop.session(
        subscription_data={"trial_period_days": 14}, customer_email="known@example.com"
    )

    def act(page):
        page.goto(session.url)
        expect(page.get_by_text("14 days free")).to_be_visible()
        expect(page.get_by_text("Then $10.00 per month, from 15 January 2026")).to_be_visible()
        picture(page, "checkout-trial")
        fill_in(page, "4242 4242 4242 4242")
        pay(page, "Start trial")
        page.wait_for_url("**/_simulator?bought=*")

    browser(act)
    done = shop.v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription"]})
    assert (done.payment_status, done.amount_total, done.subscription.status) == (
        "no_payment_required",
        0,
        "trialing",
    )
    assert done.customer_details.email == "known@example.com"
    assert shop.v1.charges.list().data == []


def test_a_promotion_code_takes_something_off(browser, shop):
    coupon = shop.v1.coupons.create({"percent_off": 25, "duration": "once", "name": "Spring"})
    shop.v1.promotion_codes.create(
        {"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "SPRING25"}
    )
    session = shop.session(allow_promotion_codes=True)

    def act(page):
        page.goto(session.url)
        page.get_by_label("Promotion code").fill("NOPE")
        page.get_by_role("button", name="Apply").click()
        said = page.get_by_role("alert").inner_text()
        page.get_by_label("Promotion code").fill("SPRING25")
        page.get_by_role("button", name="Apply").click()
        expect(page.get_by_text("-$2.50")).to_be_visible()
        expect(page.get_by_text("$7.50", exact=True)).to_be_visible()
        picture(page, "checkout-promotion")
        fill_in(page, "4242 4242 4242 4242", **EMAIL)
        pay(page)
        page.wait_for_url("**/_simulator?bought=*")
        return said

    assert browser(act).found == "This code is invalid."
    assert [one.amount for one in shop.v1.charges.list().data] == [750]


def test_every_mistake_is_named_beside_its_field(browser, shop):
    session = shop.session()

    def act(page):
        page.goto(session.url)
        fill_in(
            page,
            "4242 4242 4242 4241",
            **{"Email": "ada", "Expiry (MM / YY)": "12 / 20", "Name on the card": ""},
        )
        page.get_by_label("Security code (CVC)").fill("1")
        pay(page)
        wrong = page.locator("[aria-invalid=true]").all()
        picture(page, "checkout-mistakes")
        return [
            page.locator(f"#{field.get_attribute('aria-describedby')}").inner_text()
            for field in wrong
        ]

    visit = browser(act)
    assert visit.found == [
        "Your email address is incomplete.",
        "Your card number is invalid.",
        "Your card's expiration date is in the past.",
        "Your card's security code is incomplete.",
        "Please enter the name on the card.",
    ]
    assert shop.v1.customers.list().data == []


def test_pressing_a_test_card_fills_it_in_and_keeps_other_input(browser, shop):
    session = shop.session()

    def act(page):
        page.goto(session.url)
        page.get_by_label("Email").fill("ada@example.com")
        page.get_by_text("Test cards").click()
        page.get_by_role("button", name="4242 4242 4242 4242").click()
        expect(page.get_by_label("Card number")).to_have_value("4242 4242 4242 4242")
        expect(page.get_by_label("Email")).to_have_value("ada@example.com")
        pay(page)
        page.wait_for_url("**/_simulator?bought=*")

    assert browser(act).complaints == []


def test_a_session_that_is_over_sells_nothing(browser, shop):
    session = shop.session()
    shop.v1.checkout.sessions.expire(session.id)

    def act(page):
        page.goto(session.url)
        return page.get_by_role("heading").inner_text(), page.get_by_role("button").count()

    assert browser(act).found == ("This checkout has expired", 0)

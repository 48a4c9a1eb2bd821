"""plans.toml is read strictly. The message about an error names the place in the
file.
"""

import pytest

from app.routers.payments.plans import plan_file
from app.routers.payments.plans.plan_file import BrokenCatalogue

GOOD = """
currency = "eur"
[[products]]
slug = "free"
name = "Free"
[[products.plans]]
slug = "free"
amount = 0
interval = "month"
[[products]]
slug = "pro"
name = "Pro"
features = ["export"]
limits = { projects = 5, members = "unlimited" }
[[products.plans]]
slug = "pro-monthly"
amount = 1200
interval = "month"
trial_days = 14
"""


def in_currency(code, amount):
    return GOOD.replace('"eur"', f'"{code}"').replace("1200", str(amount))


def read(folder, text):
    file = folder / "plans.toml"
    file.write_text(text, "utf-8")
    return plan_file.read_plan_file(file)


def test_a_plan_has_what_its_product_says(tmp_path):
    free, pro = read(tmp_path, GOOD)
    assert free.is_free
    assert (pro.slug, pro.product, pro.amount, pro.currency, pro.interval) == (
        "pro-monthly",
        "pro",
        1200,
        "eur",
        "month",
    )
    assert pro.entitlements == {"features": ["export"], "limits": {"projects": 5, "members": None}}
    assert (free.position, pro.position) == (0, 1)


WRONG = {
    "no toml": ("currency = ", "plans.toml: Invalid value"),
    "unknown word": (
        GOOD.replace("trial_days", "trial"),
        "products[1].plans[0].trial: Extra inputs",
    ),
    "text for a number": (
        GOOD.replace("1200", '"1200"'),
        "products[1].plans[0].amount: Input should be a valid integer",
    ),
    "negative": (
        GOOD.replace("1200", "-1"),
        "products[1].plans[0].amount: Input should be greater",
    ),
    "too much": (
        GOOD.replace("1200", "100000000"),
        "products[1].plans[0].amount: Input should be less",
    ),
    "too much of another currency": (
        in_currency("idr", 1_000_000_000_000),
        "less than or equal to 999999999999: Stripe",
    ),
    "too little": (
        GOOD.replace("1200", "49"),
        "products[1].plans[0].amount: Input should be greater than or equal to 50",
    ),
    "too little of another currency": (
        in_currency("huf", 17_400),
        "Stripe charges no less than 175.00 HUF",
    ),
    "a fraction of a krona": (
        in_currency("isk", 550),
        "products[1].plans[0].amount: Input should be divisible by 100",
    ),
    "a fraction of a shilling": (
        in_currency("ugx", 99_999),
        "divisible by 100, as Stripe requires for amounts in ugx",
    ),
    "a thousandth of a dinar": (in_currency("kwd", 5_124), "divisible by 10"),
    "a currency that Stripe does not take": (
        in_currency("xyz", 1200),
        "currency: Stripe takes no payments in xyz",
    ),
    "half a cent": (
        GOOD.replace("1200", "1200.5"),
        "products[1].plans[0].amount: Input should be a valid integer",
    ),
    "week": (
        GOOD.replace('"month"\ntrial', '"week"\ntrial'),
        "products[1].plans[0].interval: Input should be 'month'",
    ),
    "currency": (GOOD.replace('"eur"', '"Euro"'), "currency: String should match"),
    "slug": (
        GOOD.replace('"pro-monthly"', '"Pro Monthly"'),
        "products[1].plans[0].slug: Value error, A slug has",
    ),
    "limit": (GOOD.replace("projects = 5", 'projects = "many"'), "products[1].limits.projects"),
    "feature": (
        GOOD.replace('["export"]', '["Ex port"]'),
        "products[1].features[0]: String should match",
    ),
    "two plans of one name": (
        GOOD.replace('"pro-monthly"', '"free"'),
        "two plans have the slug free",
    ),
    "two products": (
        GOOD.replace('slug = "pro"', 'slug = "free"'),
        "two products have the slug free",
    ),
    "nothing free": (GOOD.replace("amount = 0", "amount = 1"), "0 have it"),
    "two free": (GOOD.replace("1200", "0"), "2 have it"),
    "free with trial": (
        GOOD.replace("amount = 0", "amount = 0\ntrial_days = 3"),
        "a free plan cannot have a trial",
    ),
    "no plans": ('currency = "eur"\nproducts = []', "products: List should have at least 1"),
}


@pytest.mark.parametrize(("text", "complaint"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_named_with_its_place(tmp_path, text, complaint):
    with pytest.raises(BrokenCatalogue) as refusal:
        read(tmp_path, text)
    assert complaint in str(refusal.value)
    assert str(refusal.value).startswith("plans.toml")


@pytest.mark.parametrize(
    ("code", "amount"),
    [
        ("isk", 50_000),
        ("ugx", 1_000_000),
        ("huf", 17_550),  # as with TWD, only payouts must be whole amounts
        ("twd", 80_045),
        ("jpy", 50),
        ("kwd", 5_120),
        ("gbp", 30),
        ("idr", 999_999_999_999),
    ],
)
def test_what_stripe_would_charge_is_taken(tmp_path, code, amount):
    offer = read(tmp_path, in_currency(code, amount))[1]
    assert (offer.currency, offer.amount) == (code, amount)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(BrokenCatalogue, match=r"plans\.toml cannot be read: No such file"):
        plan_file.read_plan_file(tmp_path / "plans.toml")


def test_the_demo_sells_pro_and_team_by_month_and_year():
    offers = {offer.slug: offer for offer in plan_file.read_plan_file()}
    assert list(offers) == ["free", "pro", "pro-yearly", "team", "team-yearly"]
    assert {
        (offers[slug].product, offers[slug].interval) for slug in offers if not offers[slug].is_free
    } == {
        ("pro", "month"),
        ("pro", "year"),
        ("team", "month"),
        ("team", "year"),
    }
    assert offers["pro"].trial_days == 14

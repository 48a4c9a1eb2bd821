"""The details of a payment method's card, and the errors of a card form."""

from datetime import UTC, datetime

from simulator.billing import cards
from simulator.billing.cards import Card
from simulator.objects import Object
from simulator.protocol.errors import StripeError, card_error

DISPLAYED = {"amex": "american_express", "diners": "diners_club", "unionpay": "union_pay"}
YEARS_VALID = 8  # until the card of a test id expires; no test simulates so many years


def find_card(number: str) -> Card:
    card = cards.by_number(number)
    if card is None:
        raise _refused("Your card number is incorrect.", "incorrect_number", "number")
    return card


def check_expiry(month: int, year: int, now: int) -> None:
    """Raise an error if the card has expired. `year` has four digits."""
    today = datetime.fromtimestamp(now, UTC)
    if month not in range(1, 13):
        raise _refused(
            "Your card's expiration month is invalid.", "invalid_expiry_month", "exp_month"
        )
    if year not in range(today.year, today.year + 51):
        raise _refused("Your card's expiration year is invalid.", "invalid_expiry_year", "exp_year")
    if (year, month) < (today.year, today.month):
        raise _refused(
            "Your card's expiration month is invalid.", "invalid_expiry_month", "exp_month"
        )


def check_cvc(cvc: str | None) -> None:
    if cvc is not None and not (cvc.isascii() and cvc.isdigit() and len(cvc) in (3, 4)):
        raise _refused("Your card's security code is invalid.", "invalid_cvc", "cvc")


def test_expiry(now: int) -> tuple[int, int]:
    """Return the month and the year in which a test card expires."""
    today = datetime.fromtimestamp(now, UTC)
    return today.month, today.year + YEARS_VALID


def details_of(card: Card, exp_month: int, exp_year: int, fingerprint: str) -> Object:
    return {
        "brand": card.brand,
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": None,
            "cvc_check": "pass",
        },
        "country": card.country,
        "display_brand": DISPLAYED.get(card.brand, card.brand),
        "exp_month": exp_month,
        "exp_year": exp_year,
        "fingerprint": fingerprint,
        "funding": card.funding,
        "generated_from": None,
        "last4": card.last4,
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def _refused(message: str, code: str, param: str) -> StripeError:
    return card_error(message, code, param=param)

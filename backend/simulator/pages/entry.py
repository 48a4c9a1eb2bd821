"""The input of a form: a card and an email address, with messages for errors."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from simulator.billing import cards

EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
EXPIRY = re.compile(r"(\d{1,2})\s*+/?\s*+(\d{2}|20\d{2})")
FIELDS = ("email", "number", "expiry", "cvc", "name", "promotion_code")
LONGEST = 200


@dataclass(frozen=True, slots=True)
class TestCard:
    number: str
    about: str


OFFERED = (
    TestCard("4242424242424242", "is accepted"),
    TestCard("4000000000000002", "is declined"),
    TestCard("4000000000009995", "has insufficient funds"),
    TestCard("4000002500003155", "asks for 3-D Secure"),
    TestCard("4000000000000341", "is saved, then fails when charged"),
    TestCard("4000000000000069", "has expired"),
    TestCard("4000000000000127", "has another security code"),
    TestCard("4000000000000259", "is disputed after the payment"),
)


@dataclass(frozen=True, slots=True)
class CardEntry:
    """A card that was typed and looks valid.

    `number` has only digits. `exp_year` has four digits.
    """

    number: str
    exp_month: int
    exp_year: int
    cvc: str
    name: str


class Wrong(Exception):
    """The errors of a form, by field."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__(*errors.values())
        self.errors = errors


def typed(form: Mapping[str, str]) -> dict[str, str]:
    """Return the known fields, trimmed and limited in length.

    If a test card was chosen, its data fills in the fields of the card.
    """
    entry = {name: form.get(name, "").strip()[:LONGEST] for name in FIELDS}
    if use := form.get("use"):
        entry |= {"number": grouped(use), "expiry": "12 / 34", "cvc": "123"}
        entry["name"] = entry["name"] or "Test Customer"
    return entry


def read_card(entry: Mapping[str, str], now: int) -> CardEntry:
    """Read the card. Raises `Wrong` for invalid values.

    `now` is the simulator's time, which decides what is in the past.
    """
    errors: dict[str, str] = {}
    number = "".join(re.findall(r"\d", entry["number"]))
    if len(number) < 12:  # noqa: PLR2004 - no card has fewer digits
        errors["number"] = "Your card number is incomplete."
    elif not cards.is_valid_number(number):
        errors["number"] = "Your card number is invalid."
    month, year = _expiry(entry["expiry"], now, errors)
    if not re.fullmatch(r"\d{4}" if number.startswith(("34", "37")) else r"\d{3}", entry["cvc"]):
        errors["cvc"] = "Your card's security code is incomplete."
    if not entry["name"]:
        errors["name"] = "Please enter the name on the card."
    if errors:
        raise Wrong(errors)
    return CardEntry(number, month, year, entry["cvc"], entry["name"])


def _expiry(text: str, now: int, errors: dict[str, str]) -> tuple[int, int]:
    found = EXPIRY.fullmatch(text)
    if not found or not 1 <= int(found[1]) <= 12:  # noqa: PLR2004 - months
        errors["expiry"] = "Your card's expiration date is incomplete."
        return 0, 0
    month, year = int(found[1]), 2000 + int(found[2]) % 100
    today = datetime.fromtimestamp(now, UTC)
    if (year, month) < (today.year, today.month):
        errors["expiry"] = "Your card's expiration date is in the past."
    return month, year


def read_email(entry: Mapping[str, str]) -> str:
    """Read the email address. Raises `Wrong` for an invalid address."""
    if not EMAIL.fullmatch(entry["email"]):
        raise Wrong({"email": "Your email address is incomplete."})
    return entry["email"]


def grouped(number: str) -> str:
    """Format digits in groups of four, as on a card."""
    return " ".join(number[at : at + 4] for at in range(0, len(number), 4))

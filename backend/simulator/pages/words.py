"""The text of times, intervals and card brands on a page."""

from datetime import UTC, datetime
from typing import Any

MONTHS = (  # strftime's names depend on the machine's language
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
BRANDS = {"amex": "American Express", "diners": "Diners Club", "jcb": "JCB", "unionpay": "UnionPay"}


def format_date(at: int) -> str:
    """Format the date in UTC: `1 March 2027`."""
    when = datetime.fromtimestamp(at, UTC)
    return f"{when.day} {MONTHS[when.month - 1]} {when.year}"


def format_moment(at: int) -> str:
    """Format a time to the second, in UTC: `2027-03-01 12:00:00`."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}"


def format_interval(recurring: dict[str, Any]) -> str:
    """Format an interval: `per month`, `every 3 months`."""
    count, unit = recurring["interval_count"], recurring["interval"]
    return f"per {unit}" if count == 1 else f"every {count} {unit}s"


def days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"


def brand(name: str) -> str:
    return BRANDS.get(name, name.capitalize())

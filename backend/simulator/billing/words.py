"""The text of amounts and dates, in descriptions and on pages."""

from datetime import UTC, datetime

from simulator.billing.currencies import decimals

# strftime is not used, because its names depend on the machine's language.
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}


def format_money(amount: int, currency: str) -> str:
    """Format an amount in minor units: `$10.00`, `-€3.50`, `¥1,200`, `12.00 CHF`."""
    places = decimals(currency)
    number = f"{abs(amount) // 10**places:,}" + (
        f".{abs(amount) % 10**places:0{places}}" if places else ""
    )
    sign, symbol = "-" if amount < 0 else "", _SYMBOLS.get(currency)
    return f"{sign}{symbol}{number}" if symbol else f"{sign}{number} {currency.upper()}"


def short_day(at: int) -> str:
    """Format the date in UTC as Stripe does in descriptions: `16 Apr 2026`."""
    moment = datetime.fromtimestamp(at, UTC)
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}"


def several(quantity: int, name: str, unit_label: str | None = None) -> str:
    units = f"{quantity} {unit_label}" if unit_label else str(quantity)
    return f"{units} \u00d7 {name}"

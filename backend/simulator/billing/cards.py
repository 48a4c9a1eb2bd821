"""Stripe's test cards and their behaviour: https://docs.stripe.com/testing."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Decline:
    code: str
    decline_code: str
    message: str
    blocked: bool = False


_DECLINED = "Your card was declined."
GENERIC = Decline("card_declined", "generic_decline", _DECLINED)
INSUFFICIENT_FUNDS = Decline(
    "card_declined", "insufficient_funds", "Your card has insufficient funds."
)
LOST = Decline("card_declined", "lost_card", _DECLINED)
STOLEN = Decline("card_declined", "stolen_card", _DECLINED)
VELOCITY = Decline("card_declined", "card_velocity_exceeded", _DECLINED)
FRAUDULENT = Decline("card_declined", "fraudulent", _DECLINED, blocked=True)
EXPIRED = Decline("expired_card", "expired_card", "Your card has expired.")
INCORRECT_CVC = Decline("incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect.")
PROCESSING = Decline(
    "processing_error",
    "processing_error",
    "An error occurred while processing your card. Try again in a little bit.",
)
AUTHENTICATION_REQUIRED = Decline(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
)

Authentication = Literal["never", "unless_set_up", "when_present", "always"]
DisputeReason = Literal["fraudulent", "product_not_received"]


@dataclass(frozen=True, slots=True)
class Card:
    """A test card.

    A card with `on_attach` cannot be saved, and a card with `on_charge` cannot be
    charged. A card with `on_attach` also has `on_charge`.

    `authentication` says which payments need 3-D Secure. `unless_set_up` means all
    payments until the card is set up for later use. `when_present` means payments while
    the customer is present. `always` means every payment.
    """

    number: str
    names: tuple[str, ...]
    brand: str = "visa"
    funding: str = "credit"
    country: str = "US"
    on_attach: Decline | None = None
    on_charge: Decline | None = None
    authentication: Authentication = "never"
    dispute: DisputeReason | None = None
    inquiry: bool = False
    refund: Literal["succeeds", "pends", "fails"] = "succeeds"

    @property
    def last4(self) -> str:
        return self.number[-4:]


def _declining(number: str, decline: Decline, *names: str) -> Card:
    return Card(number, names, on_attach=decline, on_charge=decline)


CARDS = (
    Card("4242424242424242", ("visa", "us")),
    Card("4000056655665556", ("visa_debit",), funding="debit"),
    Card("5555555555554444", ("mastercard",), "mastercard"),
    Card("2223003122003222", ("mastercard_2",), "mastercard"),
    Card("5200828282828210", ("mastercard_debit",), "mastercard", "debit"),
    Card("5105105105105100", ("mastercard_prepaid",), "mastercard", "prepaid"),
    Card("378282246310005", ("amex",), "amex"),
    Card("6011111111111117", ("discover",), "discover"),
    Card("3056930009020004", ("diners",), "diners"),
    Card("3566002020360505", ("jcb",), "jcb"),
    Card("6200000000000005", ("unionpay",), "unionpay"),
    Card("4000002760000016", ("de",), country="DE"),
    Card("4000002500000003", ("fr",), country="FR"),
    Card("4000008260000000", ("gb",), country="GB"),
    Card("4000000360000006", ("au",), country="AU"),
    Card("4000000400000008", ("at",), country="AT"),
    Card("4000001240000000", ("ca",), country="CA"),
    _declining("4000000000000002", GENERIC, "visa_chargeDeclined", "chargeDeclined"),
    _declining(
        "4000000000009995",
        INSUFFICIENT_FUNDS,
        "visa_chargeDeclinedInsufficientFunds",
        "chargeDeclinedInsufficientFunds",
    ),
    _declining("4000000000009987", LOST, "visa_chargeDeclinedLostCard"),
    _declining("4000000000009979", STOLEN, "visa_chargeDeclinedStolenCard"),
    _declining("4000000000006975", VELOCITY, "visa_chargeDeclinedVelocityLimitExceeded"),
    _declining("4100000000000019", FRAUDULENT, "chargeDeclinedFraudulent", "radarBlock"),
    _declining("4000000000000069", EXPIRED, "chargeDeclinedExpiredCard"),
    _declining("4000000000000127", INCORRECT_CVC, "chargeDeclinedIncorrectCvc"),
    _declining("4000000000000119", PROCESSING, "chargeDeclinedProcessingError"),
    Card("4000000000000341", ("chargeCustomerFail",), on_charge=GENERIC),
    Card("4000002500003155", ("authenticationRequiredOnSetup",), authentication="unless_set_up"),
    Card("4000002760003184", ("authenticationRequired",), authentication="always"),
    Card(
        "4000003800000446",
        ("authenticationRequiredSetupForOffSession",),
        authentication="when_present",
    ),
    Card(
        "4000008260003178",
        ("authenticationRequiredChargeDeclinedInsufficientFunds",),
        on_charge=INSUFFICIENT_FUNDS,
        authentication="always",
    ),
    Card("4000000000003220", ("threeDSecure2Required",), authentication="when_present"),
    Card("4000000000003063", ("threeDSecureRequired",), authentication="when_present"),
    Card(
        "4000008400001629",
        ("threeDSecureRequiredChargeDeclined",),
        on_charge=GENERIC,
        authentication="when_present",
    ),
    Card("4000000000003055", ("threeDSecureOptional",)),
    Card("4000000000000259", ("createDispute",), dispute="fraudulent"),
    Card("4000000000002685", ("createDisputeProductNotReceived",), dispute="product_not_received"),
    Card("4000000000001976", ("createDisputeInquiry",), dispute="fraudulent", inquiry=True),
    Card("4000000000007726", ("pendingRefund",), refund="pends"),
    Card("4000000000005126", ("refundFail",), refund="fails"),
)

_LENGTHS = range(12, 20)

_BY_NUMBER = {card.number: card for card in CARDS}
_BY_NAME = {name: card for card in CARDS for name in card.names}

# If several prefixes match, the longest one wins. Stripe calls all other brands
# "unknown".
_BRANDS = (
    ("34", "amex"), ("37", "amex"), ("35", "jcb"), ("30", "diners"), ("36", "diners"),
    ("38", "diners"), ("62", "unionpay"), ("60", "discover"), ("65", "discover"), ("4", "visa"),
    ("5", "mastercard"), ("2", "mastercard"),
)  # fmt: skip


def by_name(name: str) -> Card | None:
    """Return the card behind `pm_card_<name>`, `tok_<name>` or the bare name."""
    return _BY_NAME.get(name.removeprefix("pm_card_").removeprefix("tok_"))


def by_number(number: str) -> Card | None:
    """Return the card with this number, which may contain spaces and dashes.

    A valid number that Stripe does not list is an ordinary card.
    """
    digits = "".join(character for character in number if character.isdigit())
    if not is_valid_number(digits):
        return None
    return _BY_NUMBER.get(digits) or Card(digits, (), brand=_brand(digits))


def is_valid_number(digits: str) -> bool:
    """Return whether length and check digit are valid (Luhn, ISO/IEC 7812-1)."""
    if len(digits) not in _LENGTHS or not (digits.isascii() and digits.isdigit()):
        return False
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits))]
    return sum(value // 10 + value % 10 for value in doubled) % 10 == 0


def _brand(digits: str) -> str:
    return next((brand for prefix, brand in _BRANDS if digits.startswith(prefix)), "unknown")


def outcome(
    card: Card, *, off_session: bool, set_up: bool, authenticated: bool
) -> Decline | Literal["action"] | None:
    """Return the bank's response to a charge.

    `None` means success, and "action" asks the customer for 3-D Secure. `set_up` means
    that the customer has already authenticated this card for later use. `authenticated`
    means that this payment itself has passed 3-D Secure. If the customer is not
    present, an action becomes a decline.
    """
    if not authenticated and _wants_authentication(card, off_session=off_session, set_up=set_up):
        return AUTHENTICATION_REQUIRED if off_session else "action"
    return card.on_charge


def setup_outcome(card: Card, *, authenticated: bool) -> Decline | Literal["action"] | None:
    """Return the bank's response to saving a card for later, without a payment."""
    if card.on_attach:
        return card.on_attach
    return "action" if card.authentication != "never" and not authenticated else None


def _wants_authentication(card: Card, *, off_session: bool, set_up: bool) -> bool:
    match card.authentication:
        case "always":
            return True
        case "unless_set_up":
            return not (off_session and set_up)
        case "when_present":
            return not off_session
        case _:
            return False

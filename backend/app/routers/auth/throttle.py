"""Limits on guessed passwords, registrations and emails.

An attacker can guess passwords from one address or from thousands. The limits per
address and per site (`site_key`) stop the first kind of attack. Against the second
kind, wrong passwords from strangers are counted per account. A stranger is an address
from which the account has never signed in. After `STRANGERS` wrong passwords, each
stranger has one attempt an hour, and further attempts get 429. After `SIEGE` wrong
passwords, the account is under siege: all strangers are refused.

The devices of the owner are never refused. From a new address, the owner's correct
password works until a siege begins. Then the owner gets an email with a link to set a
new password. A password reset ends the siege.

Attempts are counted by the canonical form of the typed name, not by account. If a
username and an email shared a count, the count would reveal that they belong to the
same account.
"""

from collections.abc import Callable
from dataclasses import dataclass

from app.core.networks import limiter_key, site_key
from app.platform.limits import AddressLimit, RateLimit

REGISTRATIONS = AddressLimit("register", "30 per hour")
MAILS_ASKED_FOR = AddressLimit("mails asked for", "30 per hour")
# Each kind of email is counted separately. A reset link is valid for as long as the
# period of this limit.
MAILS_TO = RateLimit("mails to one address", "5 per hour")

SAME_ACCOUNT = RateLimit("wrong password", "10 per 15 minutes")  # limit per account and address
ANY_ACCOUNT = RateLimit("wrong sign-in", "50 per 15 minutes")  # limit per address, for all accounts
# Limits per site, so that a single site cannot cause a siege.
SAME_ACCOUNT_SITE = RateLimit("wrong password, one site", "100 per day")
ANY_ACCOUNT_SITE = RateLimit("wrong sign-in, one site", "500 per 15 minutes")
STRANGERS = RateLimit("wrong passwords of strangers", "100 per hour")
ONE_TRY = RateLimit("one try of a stranger", "1 per hour")
SIEGE = RateLimit("siege of an account", "1000 per day")
SIEGE_NOTED = RateLimit("siege noted", "1 per day")

OWNER_AGAIN = RateLimit("wrong password again", "10 per 15 minutes")  # limit per session

# At any time, three of a million codes are correct. At ten attempts an hour, guessing a
# code takes years, even for someone who knows the password. A password reset does not
# clear this count, because the second factor must also protect against someone who can
# read the owner's mail.
WRONG_CODES = RateLimit("wrong code", "10 per hour")  # limit per account
WRONG_CODES_HERE = AddressLimit("wrong code here", "30 per 15 minutes")  # limit per address


@dataclass(frozen=True)
class Guess:
    """An attempt to guess the password of an account from one address.

    The account need not exist. `name` is the canonical form of the typed name.
    `familiar` returns whether the account has signed in from this address before.
    """

    name: str
    ip_address: str
    familiar: Callable[[], bool]

    @property
    def address(self) -> str:
        return limiter_key(self.ip_address)

    @property
    def site(self) -> str:
        return site_key(self.ip_address)

    def admit(self) -> None:
        """Raise `TooManyRequests` if a limit forbids even checking the password."""
        ANY_ACCOUNT.test(self.address)
        SAME_ACCOUNT.test(self.address, self.name)
        many = STRANGERS.spent(self.name)
        if not (many or self._site_is_spent()) or self.familiar():
            return
        ANY_ACCOUNT_SITE.test(self.site)
        SAME_ACCOUNT_SITE.test(self.site, self.name)
        if many:
            SIEGE.test(self.name)
            ONE_TRY.test(self.address, self.name)

    def _site_is_spent(self) -> bool:
        return ANY_ACCOUNT_SITE.spent(self.site) or SAME_ACCOUNT_SITE.spent(self.site, self.name)

    def failed(self) -> None:
        """Count a wrong password. Raises `TooManyRequests` if a limit is exceeded."""
        ANY_ACCOUNT.hit(self.address)
        SAME_ACCOUNT.hit(self.address, self.name)
        if not self.familiar():
            ANY_ACCOUNT_SITE.hit(self.site)
            SAME_ACCOUNT_SITE.hit(self.site, self.name)
            ONE_TRY.allows(self.address, self.name)
            SIEGE.hit(self.name)
            STRANGERS.hit(self.name)

    def locks_address(self) -> bool:
        """Return whether the next attempt from this address will be refused."""
        return ANY_ACCOUNT.spent(self.address) or SAME_ACCOUNT.spent(self.address, self.name)

    def locks_account(self) -> bool:
        """Return whether this attempt began a siege, during which strangers are
        refused.

        This is true once per siege, even if the siege lasts for days.
        """
        return SIEGE.spent(self.name) and SIEGE_NOTED.allows(self.name)


def forgive_failed_sign_ins(ip_address: str, *names: str) -> None:
    """Clear the counts of an account after a password reset from this address.

    `names` are the username and the email of the account. This clears the counts of
    wrong passwords from strangers and from this address. Then the owner can sign in.
    """
    for name in names:
        for limit in (STRANGERS, SIEGE, SIEGE_NOTED):
            limit.clear(name)
        SAME_ACCOUNT.clear(limiter_key(ip_address), name)
        SAME_ACCOUNT_SITE.clear(site_key(ip_address), name)


def may_mail(address: str, kind: str) -> bool:
    """Count an email of this kind to an address. Return whether the email may be sent.

    The response to the request must not reveal the result.
    """
    limit = RateLimit(f"{kind} {MAILS_TO.name}", MAILS_TO.rate)
    allowed = limit.allows(address)
    if not allowed:
        limit.note(address)
    return allowed


def may_ask(ip_address: str) -> bool:
    """Count a request for an email from this address. Return whether it is allowed."""
    return MAILS_ASKED_FOR.allows(ip_address)

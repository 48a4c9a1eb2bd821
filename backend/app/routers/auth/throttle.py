"""How often what may be tried: passwords guessed, accounts made, mails asked for (security requirement 5).

A password is guessed at from one address, or from thousands. The first is stopped by the address. Against the second
an account counts the wrong tries of all strangers: addresses that it never signed in from. Beyond `STRANGERS` each
stranger has one try an hour, and a wrong one is answered 429; beyond `SIEGE` strangers wait. So the owner's own devices
are never shut out, from a new address a right password comes through, and a reset by mail ends the siege at once.
"""

from collections.abc import Callable
from dataclasses import dataclass

from app.core.logging import security_event
from app.core.networks import limiter_key
from app.platform.limits import RateLimit

REGISTRATIONS = RateLimit("register", "30 per hour")  # from one address
MAILS_ASKED_FOR = RateLimit("mails asked for", "30 per hour")  # from one address
MAILS_TO = RateLimit("mails to one address", "5 per hour")  # of one kind; a reset link lives as long as this counts

SAME_ACCOUNT = RateLimit("wrong password", "10 per 15 minutes")  # for one account from one address
ANY_ACCOUNT = RateLimit("wrong sign-in", "50 per 15 minutes")  # for all accounts from one address
STRANGERS = RateLimit("wrong passwords of strangers", "100 per hour")
ONE_TRY = RateLimit("one try of a stranger", "1 per hour")
SIEGE = RateLimit("siege of an account", "1000 per day")

OWNER_AGAIN = RateLimit("wrong password again", "10 per 15 minutes")  # within one session

# Three of a million codes are right at a time: at ten an hour, guessing takes years even with the password in hand. A
# new password forgives nothing here: who can read the owner's mail is whom the second factor keeps out.
WRONG_CODES = RateLimit("wrong code", "10 per hour")  # of one account
WRONG_CODES_HERE = RateLimit("wrong code here", "30 per 15 minutes")  # from one address, for all accounts


@dataclass(frozen=True)
class Guess:
    """One try at the password of an account, which need not exist. `familiar` tells whether it signed in from here."""

    account: str
    address: str
    familiar: Callable[[], bool]

    def admit(self) -> None:
        """Raise `TooManyRequests` where the password must not even be looked at."""
        ANY_ACCOUNT.test(self.address)
        SAME_ACCOUNT.test(self.address, self.account)
        if STRANGERS.spent(self.account) and not self.familiar():
            SIEGE.test(self.account)
            ONE_TRY.test(self.address, self.account)

    def failed(self) -> None:
        """Count it. Raises `TooManyRequests` where it was one of too many."""
        ANY_ACCOUNT.hit(self.address)
        SAME_ACCOUNT.hit(self.address, self.account)
        if not self.familiar():
            ONE_TRY.allows(self.address, self.account)
            SIEGE.hit(self.account)
            STRANGERS.hit(self.account)

    def locks(self) -> bool:
        """Whether the next try from here would be refused."""
        return ANY_ACCOUNT.spent(self.address) or SAME_ACCOUNT.spent(self.address, self.account)


def key_of(user_id: int | None, name: str) -> str:
    """What the tries at one account are counted under, by user name and by e-mail address alike."""
    return f"user {user_id}" if user_id else f"nobody {name}"


def forgive(user_id: int) -> None:
    """Forget what strangers tried: the account has a new password."""
    STRANGERS.clear(key_of(user_id, ""))
    SIEGE.clear(key_of(user_id, ""))


def may_mail(address: str, kind: str) -> bool:
    """Count a mail of this kind to an e-mail address; False for one too many. Whoever asked for it is not told."""
    return _quietly(MAILS_TO, kind, address)


def may_ask(ip_address: str) -> bool:
    """Count a mail that was asked for from there; False for one too many."""
    return _quietly(MAILS_ASKED_FOR, limiter_key(ip_address))


def _quietly(limit: RateLimit, *key: str) -> bool:
    allowed = limit.allows(*key)
    if not allowed:
        security_event("rate_limited", limit=limit.name)
    return allowed

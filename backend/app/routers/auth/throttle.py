"""How often what may be tried: passwords guessed, accounts made, mails asked for (security requirement 5).

A password is guessed at from one address, or from thousands. The first is stopped by the address, and by the site that
it is of. Against the second an account counts the wrong tries of all strangers: addresses that it never signed in from.
Beyond `STRANGERS` each stranger has one try an hour, and a wrong one is answered 429; beyond `SIEGE` strangers wait. So
the owner's own devices are never shut out, and from a new address a right password comes through until the siege. Then
a mail tells the owner, and the link in it ends the siege, as every reset does.

Tries count under the name that was typed, in its one form, not under the account that has it: else two names that share
a count would be known to be one person's.
"""

from collections.abc import Callable
from dataclasses import dataclass

from app.core.networks import limiter_key, site_key
from app.platform.limits import AddressLimit, RateLimit

REGISTRATIONS = AddressLimit("register", "30 per hour")
MAILS_ASKED_FOR = AddressLimit("mails asked for", "30 per hour")
MAILS_TO = RateLimit("mails to one address", "5 per hour")  # of one kind; a reset link lives as long as this counts

SAME_ACCOUNT = RateLimit("wrong password", "10 per 15 minutes")  # for one account from one address
ANY_ACCOUNT = RateLimit("wrong sign-in", "50 per 15 minutes")  # for all accounts from one address
SAME_ACCOUNT_SITE = RateLimit("wrong password, one site", "100 per day")  # so that one site alone is no siege
ANY_ACCOUNT_SITE = RateLimit("wrong sign-in, one site", "500 per 15 minutes")
STRANGERS = RateLimit("wrong passwords of strangers", "100 per hour")
ONE_TRY = RateLimit("one try of a stranger", "1 per hour")
SIEGE = RateLimit("siege of an account", "1000 per day")
SIEGE_NOTED = RateLimit("siege noted", "1 per day")

OWNER_AGAIN = RateLimit("wrong password again", "10 per 15 minutes")  # within one session

# Three of a million codes are right at a time: at ten an hour, guessing takes years even with the password in hand. A
# new password forgives nothing here: who can read the owner's mail is whom the second factor keeps out.
WRONG_CODES = RateLimit("wrong code", "10 per hour")  # of one account
WRONG_CODES_HERE = AddressLimit("wrong code here", "30 per 15 minutes")  # for all accounts


@dataclass(frozen=True)
class Guess:
    """One try at the password of an account, which need not exist, from an address, which is one of its site's.

    `name` is what was typed, in its one form. `familiar` tells whether the account signed in from there before.
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
        """Raise `TooManyRequests` where the password must not even be looked at."""
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
        """Count it. Raises `TooManyRequests` where it was one of too many."""
        ANY_ACCOUNT.hit(self.address)
        SAME_ACCOUNT.hit(self.address, self.name)
        if not self.familiar():
            ANY_ACCOUNT_SITE.hit(self.site)
            SAME_ACCOUNT_SITE.hit(self.site, self.name)
            ONE_TRY.allows(self.address, self.name)
            SIEGE.hit(self.name)
            STRANGERS.hit(self.name)

    def locks_address(self) -> bool:
        """Whether the next try from here would be refused."""
        return ANY_ACCOUNT.spent(self.address) or SAME_ACCOUNT.spent(self.address, self.name)

    def locks_account(self) -> bool:
        """Whether strangers have to wait from now on. Told once for a siege, though tries go on for days."""
        return SIEGE.spent(self.name) and SIEGE_NOTED.allows(self.name)


def forgive(ip_address: str, *names: str) -> None:
    """Forget what was tried: the account of these names has a new password, set from this address by a link in a mail.

    What strangers tried anywhere is forgotten, and what anybody tried at it from here, so that its owner comes in.
    """
    for name in names:
        for limit in (STRANGERS, SIEGE, SIEGE_NOTED):
            limit.clear(name)
        SAME_ACCOUNT.clear(limiter_key(ip_address), name)
        SAME_ACCOUNT_SITE.clear(site_key(ip_address), name)


def may_mail(address: str, kind: str) -> bool:
    """Count a mail of this kind to an e-mail address; False for one too many. Whoever asked for it is not told."""
    limit = RateLimit(f"{kind} {MAILS_TO.name}", MAILS_TO.rate)
    allowed = limit.allows(address)
    if not allowed:
        limit.note(address)
    return allowed


def may_ask(ip_address: str) -> bool:
    """Count a mail that was asked for from there; False for one too many."""
    return MAILS_ASKED_FOR.allows(ip_address)

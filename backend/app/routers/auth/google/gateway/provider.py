"""The OpenID Connect provider: its spellings as an issuer, its errors, and the person
it identifies.
"""

from dataclasses import dataclass

from app.core.config import get_settings
from app.core.errors import Unavailable

# Google uses both names as the issuer in ID tokens
# (developers.google.com/identity/openid-connect/openid-connect).
OTHER_SPELLINGS = {"https://accounts.google.com": ["accounts.google.com"]}


class GoogleUnavailable(Unavailable):
    """Google does not respond, responds too late, or reports an internal error."""

    code = "google_unavailable"
    detail = "Google is not responding. Try again in a moment."


class GoogleFailed(Unavailable):
    """Google's response is invalid, so nothing in it is used."""

    code = "google_failed"
    detail = "Google sent a response that could not be used. Start again."


@dataclass(frozen=True)
class Configuration:
    """The endpoints that the provider publishes (OpenID Connect Discovery 1.0, 3)."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


@dataclass(frozen=True)
class Person:
    """A person that the provider has identified.

    `issuer` is spelled as in GOOGLE_ISSUER. `email` may be empty. `email_verified` is
    true only if the provider sent the boolean `true`, not a string.
    """

    issuer: str
    subject: str
    email: str
    email_verified: bool


def spellings_of_issuer() -> list[str]:
    """Return the accepted spellings of GOOGLE_ISSUER: as in the settings, with a
    trailing slash, and Google's alias.
    """
    issuer = get_settings().google_issuer
    return [issuer, f"{issuer}/", *OTHER_SPELLINGS.get(issuer, ())]

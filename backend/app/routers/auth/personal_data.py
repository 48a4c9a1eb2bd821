"""The personal data that auth has about a user."""

from collections.abc import Iterator

from app.platform.personal_data import Part, records

from .models import Identity, LoginSession, SecurityEvent, Totp, User


def export(user_id: int) -> Iterator[Part]:
    """Yield the account, its sessions, identities and security events.

    Passwords, tokens and secrets are not exported, not even as hashes.
    """
    yield "account", records(User, User.id == user_id)
    yield "sessions", records(LoginSession, LoginSession.user_id == user_id)
    yield "identities", records(Identity, Identity.user_id == user_id)
    yield "second_factor", records(Totp, Totp.user_id == user_id, without={"last_step"})
    yield "security_events", records(SecurityEvent, SecurityEvent.user_id == user_id)


def erase(_user_id: int) -> bool:
    """Return true, because the deletion of the account erases all of this."""
    return True

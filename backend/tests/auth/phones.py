"""A phone with an authenticator app, for tests."""

from dataclasses import dataclass, field

from app.core.keys import cipher
from app.core.types import utc_now
from app.db.database import SessionLocal
from app.routers.auth.mfa import key_rotation, recovery_codes, totp
from app.routers.auth.models import RecoveryCode, Totp, User


@dataclass
class Phone:
    secret: str
    recovery_codes: list[str] = field(default_factory=list)

    def code(self, steps: int = 0) -> str:
        """Return the code that the phone shows now, or after this number of steps of 30
        seconds.
        """
        return totp.code_at(self.secret, totp.step_at(utc_now()) + steps)

    def wrong_code(self) -> str:
        """Return six digits that are not the code now or at any time close to now."""
        near = {self.code(steps) for steps in range(-5, 6)}
        return next(
            code
            for code in ("000000", "111111", "222222", *map(str, range(300_000, 300_020)))
            if code not in near
        )


def phone_of(user: User) -> Phone:
    """Write the rows that enable TOTP for this user, with three recovery codes."""
    phone = Phone(
        totp.new_secret(),
        ["AAAA-BBBB-CCCC-DDDD-EEEE-%04d" % (2222 + n) for n in range(3)],  # noqa: UP031
    )
    phone.recovery_codes = [f"{code}-{user.id}" for code in phone.recovery_codes]
    with SessionLocal() as db, db.begin():
        encrypted = cipher(key_rotation.PURPOSE).encrypt(phone.secret.encode()).decode()
        db.add(Totp(user_id=user.id, secret=encrypted, confirmed_at=utc_now()))
        db.add_all(
            RecoveryCode(user_id=user.id, digest=recovery_codes.code_digest(code))
            for code in phone.recovery_codes
        )
    return phone

"""Demo users: one superuser and two authors, all verified."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from .models import User
from .security import hash_password

PASSWORD = "liftoff-demo-password"  # noqa: S105 - printed by `make dev`, refused by production
PEOPLE = {"admin": True, "author": False, "editor": False}


def load(db: Session) -> None:
    """Add the demo users that are missing."""
    for username, superuser in PEOPLE.items():
        email = f"{username}@example.com"
        if db.scalar(select(User).where(User.email == email)) is None:
            # Nobody can register the name `admin`, because it is reserved.
            person = User(username=username, email=email, hashed_password=hash_password(PASSWORD))
            person.is_verified, person.is_superuser = True, superuser
            db.add(person)
    db.flush()

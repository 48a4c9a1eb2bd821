"""The gate of the admin decides who is staff, and how staff sign in.

The platform has no accounts. The feature that has them sets `GATE` in its `admin.py`.
"""

from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.orm import Session

from app.core.errors import Forbidden, Unauthenticated


class SignInNeeded(Unauthenticated):
    """The request has no pass, or its pass is not valid any more."""

    code = "staff_sign_in_needed"
    detail = "Sign in to the admin first."


class CodeNeeded(Unauthenticated):
    """The password was right, but a code of the second factor is needed, too."""

    code = "staff_code_needed"
    detail = "Enter a code from your authenticator app, or a recovery code."
    commits = True  # the challenge is stored

    def __init__(self, challenge: str) -> None:
        super().__init__()
        self.challenge = challenge


class NotFresh(Forbidden):
    """A dangerous action needs a sign-in within the last ten minutes."""

    code = "staff_not_fresh"
    detail = "Confirm that it is you before you do this."


@dataclass(frozen=True)
class Visitor:
    """The address and the browser from which a request comes."""

    ip_address: str
    user_agent: str


@dataclass(frozen=True)
class Staff:
    """A signed-in member of staff."""

    user_id: int
    session_id: int
    name: str
    is_fresh: bool
    has_second_factor: bool


class Gate(Protocol):
    """The functions by which staff sign in. A pass is the text of the cookie."""

    seconds: int

    def slot(self) -> AbstractAsyncContextManager[None]:
        """Return a context manager. A password may be checked only inside it."""

    def sign_in(self, db: Session, name: str, password: str, visitor: Visitor) -> str:
        """Return a pass. Raises `CodeNeeded`, and errors for people to read."""

    def answer(self, db: Session, challenge: str, code: str, visitor: Visitor) -> str:
        """Return a pass for a correct code of a second factor."""

    def find(self, db: Session, given: str, *, hold: bool) -> Staff:
        """Return the member of staff who holds a pass. Raises `SignInNeeded`.

        With `hold`, nobody can demote or sign out this person until the transaction
        ends.
        """

    def confirm(self, db: Session, given: str, password: str, code: str, visitor: Visitor) -> str:
        """Return a pass that is fresh again.

        This needs the password and, if there is one, the second factor.
        """

    def sign_out(self, db: Session, given: str) -> None:
        """End the session of a pass."""

    def names(self, db: Session, user_ids: Iterable[int]) -> Mapping[int, str]:
        """Return the names of these accounts. Erased accounts have no name."""

"""Answers to challenges, with the limits on guessed codes."""

from contextlib import AbstractContextManager, nullcontext

from sqlalchemy.orm import Session

from app.routers.auth.credentials.client import Client
from app.routers.auth.schemas import Token
from app.routers.auth.throttle import WRONG_CODES, WRONG_CODES_HERE

from . import second_factor
from .second_factor import InvalidCode


def answer_challenge(db: Session, mfa_token: str, code: str, client: Client) -> Token:
    """Open a session for a correct code. Raises `InvalidCode`, `TooManyRequests`."""
    with WRONG_CODES_HERE.failures(InvalidCode, client.ip_address):
        challenge = second_factor.find_challenge(db, mfa_token)
        with limited_guesses(challenge.user_id, code):
            return second_factor.answer_challenge(db, challenge, code, client)


def limited_guesses(user_id: int | None, code: str) -> AbstractContextManager[None]:
    """Limit the wrong codes for an account, but not codes too long to be guessed."""
    return (
        WRONG_CODES.failures(InvalidCode, f"user:{user_id}")
        if second_factor.is_guessable(code)
        else nullcontext()
    )

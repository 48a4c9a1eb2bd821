"""The `.env` of a new clone: a copy of `.env.example` with a new secret."""

import re
import secrets
from pathlib import Path

from tools.console import Problem


def write_env_file(root: Path) -> None:
    """Write `.env`. Raises `Problem` if that is impossible.

    An existing `.env` is not changed. In that case, this raises `FileExistsError`.
    """
    text = filled_in(root / ".env.example")
    target = root / ".env"
    try:
        target.touch(
            mode=0o600, exist_ok=False
        )  # created empty and private, so that only the owner can ever read the secret
        target.write_text(text, "utf-8")
    except FileExistsError:
        raise
    except OSError as error:
        raise Problem(
            f"{target} cannot be written: {error.strerror}. Make yourself the owner of the folder "
            "and try again."
        ) from error


def filled_in(example: Path) -> str:
    key = f"SECRET_KEY={secrets.token_urlsafe(48)}"
    try:
        text, places = re.subn(
            r"^SECRET_KEY=.*$", key, example.read_text("utf-8"), flags=re.MULTILINE
        )
    except (OSError, UnicodeDecodeError) as error:
        raise Problem(
            ".env.example cannot be read. Restore it: git checkout .env.example"
        ) from error
    if places != 1:
        raise Problem(
            ".env.example must have exactly one line SECRET_KEY=. Restore it: git checkout "
            ".env.example"
        )
    return text

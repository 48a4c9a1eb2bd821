"""The `.env` of a new clone: `.env.example` with a secret of its own."""

import re
import secrets
from pathlib import Path

from tools.console import Problem


def write_env_file(root: Path) -> None:
    """An `.env` that is there already is never touched: FileExistsError."""
    key = f"SECRET_KEY={secrets.token_urlsafe(48)}"
    text, places = re.subn(r"^SECRET_KEY=.*$", key, (root / ".env.example").read_text(), flags=re.MULTILINE)
    if places != 1:
        raise Problem(".env.example has no line SECRET_KEY= of its own. Restore it: git checkout .env.example")
    target = root / ".env"
    target.touch(mode=0o600, exist_ok=False)  # its owner's alone before there is anything to read
    target.write_text(text)

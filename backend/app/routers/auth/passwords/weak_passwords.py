"""Rules for weak passwords (ASVS 6.2.4, NIST SP 800-63B 3.1.1.2).

| Refused | Example |
|---|---|
| shorter than `PASSWORD_MIN_LENGTH` | `tiny-secret` |
| common, or a word with digits or punctuation | `administrator`, `Welcome12345!` |
| one chunk repeated, if the chunk alone would be too short | `passwordpassword` |
| runs along the keyboard, the alphabet or the digits | `qwertyuiopas`, `1qaz2wsx3edc` |
| little besides names of user, site or product | `ada.lovelace1815` of `ada.lovelace` |

Every rule is linear in the length of the password, which its schema bounds. Estimators
such as zxcvbn are not. It takes 48 s at 1,024 characters, and blocks all other requests
meanwhile.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

from app.core.config import get_settings
from app.core.errors import Unprocessable
from app.routers.auth.demo import PASSWORD as DEMO_PASSWORD

LIST = Path(__file__).with_name("common_passwords.txt")
ADVICE = "Use several unrelated words, or let a password manager choose one."
ROWS = ["1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "yxcvbnm", "azertyuiop"]
ROWS += ["qsdfghjklm", "wxcvbn"]
COLUMNS = ("1qaz", "2wsx", "3edc", "4rfv", "5tgb", "6yhn", "7ujm", "8ik", "9ol", "1qay", "6zhn")
ALPHABETS = ("abcdefghijklmnopqrstuvwxyz", "01234567890")
MIN_DISTINCT = 4  # characters
SHORTEST_NAME = 3  # characters; a shorter name occurs in many words by chance
# Words that say "password" or belong to every site; they add nothing to a name.
FILLERS = ("password", "passwort", "admin", "demo", "login", "welcome", "secret", "test", "user")
NOT_ALNUM = re.compile(r"[\W_]")


class WeakPassword(Unprocessable):
    code = "weak_password"
    detail = "This password is easy to guess. Choose another."

    @classmethod
    def example(cls) -> "WeakPassword":
        return _weak(f"This password is too common. {ADVICE}", "too_common", "password")


def refuse_weak(password: str, *own_names: str, field: str = "password") -> None:
    """Raise `WeakPassword` if the password is easy to guess.

    `own_names` are the account's names, its email included. The length is counted in
    code points, exactly as received. Nothing is stripped, folded or cut. `field` names
    the field that held the password.
    """
    shortest = get_settings().password_min_length
    if len(password) < shortest:
        raise _weak(f"A password needs at least {shortest} characters.", "too_short", field)
    folded = password.casefold()
    # A letter beyond ASCII is one of many more letters, so a chunk is measured in
    # bytes.
    chunk = folded[: _period(folded)].encode("utf-8", "surrogatepass")
    if folded in _common() or len(chunk) < shortest or len(set(folded)) < MIN_DISTINCT:
        raise _weak(f"This password is too common. {ADVICE}", "too_common", field)
    enough = shortest // 3 + 1
    if _surprises(folded) < enough:
        raise _weak(f"This password is a run of neighbouring keys. {ADVICE}", "too_common", field)
    if _surprises(_without_names(folded, own_names)) < enough:
        message = f"This password is made of words that others can guess. {ADVICE}"
        raise _weak(message, "too_personal", field)


def _weak(message: str, kind: str, field: str) -> WeakPassword:
    error = {"loc": ["body", field], "msg": message, "type": f"password_{kind}"}
    return WeakPassword(message, errors=[error])


def _core(folded: str) -> str:
    """Return the password without digits and punctuation before its first and after its
    last letter.
    """
    letters = [index for index, character in enumerate(folded) if character.isalpha()]
    return folded[letters[0] : letters[-1] + 1] if letters else ""


@lru_cache
def _common() -> frozenset[str]:
    """Return common passwords in lower case: our list of long ones, and zxcvbn's 30,000
    of any length.
    """
    # This import is large, and only setting a password needs it.
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    long = (line for line in LIST.read_text().splitlines() if not line.startswith("#"))
    return frozenset([*long, *FREQUENCY_LISTS["passwords"], DEMO_PASSWORD])


@lru_cache
def _words() -> frozenset[str]:
    """Return words and first names.

    A frequent word is missing from zxcvbn's list of passwords, which contains only what
    no other list has.
    """
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    return frozenset(word for one in FREQUENCY_LISTS.values() for word in one)


def _period(text: str) -> int:
    """Return the length of the shortest chunk that makes this text when repeated.

    The last repetition may be cut. The result is the length minus the longest border,
    found with the failure function of Knuth, Morris and Pratt.
    """
    border, borders = 0, [0]
    for character in text[1:]:
        while border and text[border] != character:
            border = borders[border - 1]
        border += text[border] == character
        borders.append(border)
    return len(text) - borders[-1]


def _surprises(folded: str) -> int:
    """Count the letters and digits that continue neither a run nor one of two
    interleaved runs (`a1b2c3d4`).
    """
    plain = NOT_ALNUM.sub("", folded)
    neighbours = _neighbours()
    continued = (
        sum(a + b in neighbours for a, b in zip(plain, plain[apart:], strict=False))
        for apart in (1, 2)
    )
    return len(plain) - max(continued)


@lru_cache
def _neighbours() -> frozenset[str]:
    """Return pairs of characters that are the same or next to each other, in both
    directions.
    """
    runs = [*ROWS, *COLUMNS, *ALPHABETS]
    pairs = {a + b for run in runs for a, b in pairwise(run)}
    same = {character * 2 for run in runs for character in run}
    return frozenset(pairs | {pair[::-1] for pair in pairs} | same)


def _without_names(folded: str, own_names: Iterable[str]) -> str:
    """Remove names, and a common password or word in the middle, the longest first."""
    names = {name.casefold() for name in (*own_names, *_site_names(), *FILLERS)}
    words = {part for name in names for part in (name, *NOT_ALNUM.split(name))}
    core = _core(folded)
    words |= {core} if core in _common() or core in _words() else set()
    for word in sorted(words, key=len, reverse=True):
        if len(word) >= SHORTEST_NAME:
            folded = folded.replace(word, " ")
    return folded


def _site_names() -> frozenset[str]:
    """Return the product's name, and the names in the addresses of this site."""
    settings = get_settings()
    hosts = [
        urlsplit(url or "").hostname or "" for url in (settings.public_url, settings.frontend_url)
    ]
    return frozenset({"liftoff", *(label for host in hosts for label in host.split(".")[:-1])})

"""Rules that refuse weak passwords (ASVS 6.2.4, NIST SP 800-63B 3.1.1.2).

| Refused password | Example |
|---|---|
| shorter than `PASSWORD_MIN_LENGTH` | `tiny-secret` |
| common, or a word with digits or punctuation | `administrator`, `Welcome12345!` |
| one chunk repeated, if the chunk alone would be too short | `passwordpassword` |
| consecutive keys, letters or digits | `qwertyuiopas`, `1qaz2wsx3edc` |
| mostly names of the user, site or product | `ada.lovelace1815` for `ada.lovelace` |

Each rule takes time proportional to the length of the password, which the schema
limits. Estimators such as zxcvbn are slower: zxcvbn takes 48 s for 1,024 characters,
and blocks all other requests during that time.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

from app.core.config import get_settings
from app.core.errors import Unprocessable
from app.routers.auth.schemas import DEMO

LIST = Path(__file__).with_name("common_passwords.txt")
ADVICE = "Use several unrelated words, or let a password manager choose one."
ROWS = ["1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "yxcvbnm", "azertyuiop"]
ROWS += ["qsdfghjklm", "wxcvbn"]
COLUMNS = ("1qaz", "2wsx", "3edc", "4rfv", "5tgb", "6yhn", "7ujm", "8ik", "9ol", "1qay", "6zhn")
ALPHABETS = ("abcdefghijklmnopqrstuvwxyz", "01234567890")
MIN_DISTINCT = 4  # characters
SHORTEST_NAME = 3  # characters; shorter names occur in many words by chance
# Words that mean "password" or occur on every site. They do not make a password
# stronger.
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

    `own_names` are the account's username and email. The length is the number of code
    points in the password as received. The password is not stripped, folded or
    truncated. `field` names the request field that contained the password.
    """
    shortest = get_settings().password_min_length
    if len(password) < shortest:
        raise _weak(f"A password needs at least {shortest} characters.", "too_short", field)
    folded = password.casefold()
    # A chunk of non-ASCII letters is harder to guess than an ASCII chunk, so the length
    # is counted in bytes.
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
    """Return the password without the digits and punctuation around its letters."""
    letters = [index for index, character in enumerate(folded) if character.isalpha()]
    return folded[letters[0] : letters[-1] + 1] if letters else ""


@lru_cache
def _common() -> frozenset[str]:
    """Return common passwords in lower case: our list of long passwords, and zxcvbn's
    list of 30,000.
    """
    # Imported here, because the import is slow and only needed to set a password.
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    long = (line for line in LIST.read_text().splitlines() if not line.startswith("#"))
    return frozenset([*long, *FREQUENCY_LISTS["passwords"], DEMO["password"]])


@lru_cache
def _words() -> frozenset[str]:
    """Return common words, names and passwords.

    zxcvbn's lists do not overlap: a text that is both a common word and a common
    password is in only one of the lists. So this function returns the texts of all
    lists.
    """
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    return frozenset(word for one in FREQUENCY_LISTS.values() for word in one)


def _period(text: str) -> int:
    """Return the length of the shortest chunk whose repetition yields this text.

    The last repetition may be incomplete. A border is a shorter text with which this
    text both begins and ends. The result is the length of the text minus the longest
    border, which the failure function of Knuth, Morris and Pratt finds.
    """
    border, borders = 0, [0]
    for character in text[1:]:
        while border and text[border] != character:
            border = borders[border - 1]
        border += text[border] == character
        borders.append(border)
    return len(text) - borders[-1]


def _surprises(folded: str) -> int:
    """Count the letters and digits that do not continue a run of neighbours.

    `abcd`, `qwer` and `aaaa` are runs. So are interleaved runs such as `a1b2c3d4`.
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
    """Return pairs of characters that are equal, or neighbours in the alphabet or on a
    keyboard, in both directions.
    """
    runs = [*ROWS, *COLUMNS, *ALPHABETS]
    pairs = {a + b for run in runs for a, b in pairwise(run)}
    same = {character * 2 for run in runs for character in run}
    return frozenset(pairs | {pair[::-1] for pair in pairs} | same)


def _without_names(folded: str, own_names: Iterable[str]) -> str:
    """Remove known names and words from the password, the longest first.

    A common password or word in the middle of the password is removed, too.
    """
    names = {name.casefold() for name in (*own_names, *_site_names(), *FILLERS)}
    words = {part for name in names for part in (name, *NOT_ALNUM.split(name))}
    core = _core(folded)
    words |= {core} if core in _common() or core in _words() else set()
    for word in sorted(words, key=len, reverse=True):
        if len(word) >= SHORTEST_NAME:
            folded = folded.replace(word, " ")
    return folded


def _site_names() -> frozenset[str]:
    """Return the product's name, and the names in the host names of this site."""
    settings = get_settings()
    hosts = [
        urlsplit(url or "").hostname or "" for url in (settings.public_url, settings.frontend_url)
    ]
    return frozenset({"liftoff", *(label for host in hosts for label in host.split(".")[:-1])})

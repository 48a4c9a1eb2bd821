"""The one canonical form of names that must be unique, whoever types them (security requirement 46)."""

import re
import unicodedata

RESERVED = frozenset(
    "about account accounts admin administrator anonymous api app auth billing blog callback categories contact "  # noqa: SIM905 - sixty words read best as words
    "dashboard dev docs feed feature help home hostmaster info login logout mail me new news nobody none noreply null "
    "openapi posts postmaster privacy redoc register root security settings signup slug staff static status support "
    "system terms test undefined user username users webmaster www".split()
)
"""User names and slugs that nobody may take: they would pass for us, or hide a route of a frontend."""

MAX_EMAIL = 254  # RFC 5321, 4.5.3.1.3
MAX_SLUG = 120
SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,30}[a-z0-9]")


def canonical_email(value: str) -> str:
    """Lower case, NFKC, IDNA: every spelling of an address maps to one. Raises `ValueError` for none or an unsafe one.

    The local part is lower-cased too: RFC 5321 lets a server tell `Al` from `al`; no provider does, attackers would.
    Local parts beyond ASCII are refused: few servers take them (RFC 6531), and look-alikes thrive there.
    """
    return ascii_email(_fold(value)).lower()


def ascii_email(value: str) -> str:
    """Return the address as mail servers read it: the domain in IDNA, the local part as it is.

    Raises `ValueError` for anything that mail cannot be sent to.
    """
    from email_validator import EmailNotValidError, validate_email  # a start should not wait for it

    if len(value) > MAX_EMAIL:  # IDNA never makes it shorter, and takes quadratic time
        raise ValueError(f"An e-mail address has at most {MAX_EMAIL} characters")
    try:
        address = validate_email(value, check_deliverability=False, allow_smtputf8=False, strict=True)
    except EmailNotValidError as error:
        raise ValueError("This is no e-mail address that mail can be sent to") from error
    if not 0 < len(address.ascii_email or "") <= MAX_EMAIL:
        raise ValueError(f"An e-mail address has at most {MAX_EMAIL} characters")
    return str(address.ascii_email)


def canonical_username(value: str) -> str:
    """A user name that somebody may take, in its one form. Raises `ValueError` with what is wrong."""
    name = folded_username(value)
    if name in RESERVED:
        raise ValueError("This user name is reserved")
    return name


def folded_username(value: str) -> str:
    """3 to 32 of `a-z 0-9 . _ -`, in lower case; a reserved one, too. Raises `ValueError` with what is wrong."""
    name = _fold(value)
    if not USERNAME.fullmatch(name):
        raise ValueError(
            "A user name has 3 to 32 of a-z, 0-9, dot, dash and underscore, with a letter or digit at each end"
        )
    return name


def canonical_slug(value: str) -> str:
    """Words of `a-z 0-9` joined by single dashes. Raises `ValueError` with what is wrong."""
    slug = _fold(value)
    if len(slug) > MAX_SLUG or not SLUG.fullmatch(slug):
        raise ValueError(f"A slug has 1 to {MAX_SLUG} characters: words of a-z and 0-9, joined by single dashes")
    if slug in RESERVED:
        raise ValueError("This slug is reserved")
    return slug


def slug_from(title: str, fallback: str) -> str:
    """A slug for a title in any language; `fallback` where nothing of it can be spelled, or the slug is reserved."""
    from slugify import slugify  # a start should not wait for it

    slug = slugify(title, max_length=MAX_SLUG - 12, word_boundary=True)  # leaves room for a `-2`
    return fallback if not slug or slug in RESERVED else slug


def _fold(value: str) -> str:
    """One form for full-width, composed and upper-case letters. Lower case last: NFKC brings capitals to light."""
    return unicodedata.normalize("NFKC", value).strip(" ").lower()

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
NOT_IN_A_LINE = r"\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069"
"""Control characters, line breaks, and characters that change the direction of the text around them. With the last, one
name can pass for another (https://trojansource.codes). Written for a class in a regular expression."""
INVISIBLE = (
    r"\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff"
    r"\uffa0\ufff0-\ufffb"
)
"""Characters that show nothing: white space, Default_Ignorable_Code_Point below U+10000, fillers and blanks."""
ONE_LINE = f"^[^{NOT_IN_A_LINE}]*[^{NOT_IN_A_LINE}{INVISIBLE}][^{NOT_IN_A_LINE}]*$"
REFUSED_IN_A_LINE = re.compile(f"[{NOT_IN_A_LINE}]")
VISIBLE = re.compile(f"[^{INVISIBLE}\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]")
USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,30}[a-z0-9]")


def one_line(value: str) -> str:
    """Return the text if it can be a title or a name: one line with something visible in it.

    Raises `ValueError` with what is wrong. Marks that languages and emoji need (U+200D, U+200F) are allowed.
    """
    if REFUSED_IN_A_LINE.search(value):
        raise ValueError("This is one line: without line breaks, control characters and changes of direction")
    if not VISIBLE.search(value):
        raise ValueError("There is nothing to see in this")
    return value


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

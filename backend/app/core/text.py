"""Canonical forms of usernames, email addresses and slugs.

All spellings of a name have the same canonical form, so a name can be kept unique.
"""

import re
import unicodedata

# Names that a website may need for its own pages.
RESERVED = frozenset(
    """
    about account accounts admin administrator anonymous api app auth billing blog callback
    categories contact dashboard dev docs feed feature help home hostmaster info login logout
    mail me new news nobody none noreply null openapi posts postmaster privacy redoc register
    root security settings signup slug staff static status support system terms test undefined
    user username users webmaster www
    """.split()  # noqa: SIM905 - sixty words read best as words
)
"""Usernames and slugs that nobody may choose.

These names would look official, or hide a route of the frontend.
"""

MAX_EMAIL = 254  # RFC 5321, 4.5.3.1.3
MAX_SLUG = 120
SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
NOT_IN_A_LINE = r"\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069"
"""Control characters, line breaks, and characters that change the text direction.

Changes of direction can make one name look like another (https://trojansource.codes).
Use this constant inside a character class of a regular expression.
"""
INVISIBLE = (
    r"\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff"
    r"\uffa0\ufff0-\ufffb"
)
"""Invisible characters: white space, fillers, blanks, and Default_Ignorable_Code_Point
below U+10000.
"""
ONE_LINE = f"^[^{NOT_IN_A_LINE}]*[^{NOT_IN_A_LINE}{INVISIBLE}][^{NOT_IN_A_LINE}]*$"
REFUSED_IN_A_LINE = re.compile(f"[{NOT_IN_A_LINE}]")
VISIBLE = re.compile(
    f"[^{INVISIBLE}\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
WORD = re.compile(r"""([^\s<>()"',;:@])[^\s<>()"',;:@]*+(@?)""")
USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,30}[a-z0-9]")


def one_line(value: str) -> str:
    """Return the text if it is a single line with a visible character, such as a title.

    Raises `ValueError` with the reason. Invisible characters that languages and emoji
    need (U+200D, U+200F) are allowed.
    """
    if REFUSED_IN_A_LINE.search(value):
        raise ValueError(
            "This must be one line, without line breaks, control characters and changes of text "
            "direction"
        )
    if not VISIBLE.search(value):
        raise ValueError("This must contain a visible character")
    return value


def canonical_email(value: str) -> str:
    """Return the canonical form of an email address: lower case, NFKC, IDNA.

    Every spelling of an address has the same canonical form. Raises `ValueError` if the
    text is not a safe email address.

    The local part is lower-cased, too. RFC 5321 lets a mail server distinguish `Al`
    from `al`. No provider does so, but attackers could exploit it if we did. A local
    part beyond ASCII is refused, because few servers accept one (RFC 6531), and because
    many characters beyond ASCII look alike.
    """
    return ascii_email(_fold(value)).lower()


def ascii_email(value: str) -> str:
    """Return the address with its domain in IDNA, as mail servers expect.

    The local part is not changed. Raises `ValueError` if the text is not an address to
    which mail can be sent.
    """
    # This import is slow, and not needed at startup.
    from email_validator import EmailNotValidError, validate_email

    # The length is checked first, because IDNA takes quadratic time and never shortens
    # an address.
    if len(value) > MAX_EMAIL:
        raise ValueError(f"An email address must not be longer than {MAX_EMAIL} characters")
    try:
        address = validate_email(
            value, check_deliverability=False, allow_smtputf8=False, strict=True
        )
    except EmailNotValidError as error:
        raise ValueError("This is not an email address that mail can be sent to") from error
    if not 0 < len(address.ascii_email or "") <= MAX_EMAIL:
        raise ValueError(f"An email address must not be longer than {MAX_EMAIL} characters")
    return str(address.ascii_email)


def canonical_username(value: str) -> str:
    """Return the canonical form of a username that users may choose.

    Raises `ValueError` with the reason.
    """
    name = folded_username(value)
    if name in RESERVED:
        raise ValueError("This username is reserved. Choose another one")
    return name


def folded_username(value: str) -> str:
    """Return the canonical form of a username, which may be reserved.

    A username has 3 to 32 characters from `a-z 0-9 . _ -`. Raises `ValueError` with the
    reason.
    """
    name = _fold(value)
    if not USERNAME.fullmatch(name):
        raise ValueError(
            "A username has 3 to 32 characters: a-z, 0-9, dots, dashes and underscores, with a "
            "letter or a digit at each end"
        )
    return name


def canonical_slug(value: str) -> str:
    """Return the canonical form of a slug: words of `a-z 0-9`, joined by single dashes.

    Raises `ValueError` with the reason.
    """
    slug = _fold(value)
    if len(slug) > MAX_SLUG or not SLUG.fullmatch(slug):
        raise ValueError(
            f"A slug has 1 to {MAX_SLUG} characters: words of a-z and 0-9, joined by single dashes"
        )
    if slug in RESERVED:
        raise ValueError("This slug is reserved. Choose another one")
    return slug


def slug_from(title: str, fallback: str) -> str:
    """Return a slug for a title in any language.

    The result is `fallback` if no part of the title can be transliterated, or if the
    slug is reserved.
    """
    from slugify import slugify  # slugify is slow to import, and not needed at startup

    # Leave room for a number such as `-2`.
    slug = slugify(title, max_length=MAX_SLUG - 12, word_boundary=True)
    return fallback if not slug or slug in RESERVED else slug


def _fold(value: str) -> str:
    """Convert full-width, composed and upper-case letters into one form.

    The conversion to lower case comes last, because NFKC can produce capitals.
    """
    return unicodedata.normalize("NFKC", value).strip(" ").lower()


def mask_emails(text: str) -> str:
    """Mask the email addresses in a text.

    Only the first character in front of each `@` stays.
    """
    return WORD.sub(lambda word: f"{word[1]}…@" if word[2] else word[0], text)

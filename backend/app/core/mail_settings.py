"""Mail settings, converted into the form that SMTP expects.

If no mail server could accept a value, startup fails with a message that names the
variable. Otherwise every email would fail later.
"""

import re
import unicodedata
from email.headerregistry import Address
from ipaddress import ip_address
from typing import TypeVar

from pydantic import SecretStr

from app.core.networks import in_ascii
from app.core.text import ascii_email

# characters; Python wraps a longer name in such a way that mail servers read several
# addresses (CPython issue 121284)
MAX_NAME = 64
NAMED = re.compile(r"""(?P<quote>"?)(?P<name>[^"<>\\]*+)(?P=quote)\s*+<(?P<address>[^<>]++)>""")
HOST = re.compile(
    r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*"
)
# NUL separates name and password in AUTH PLAIN (RFC 4616, 2). A value read from a
# secrets file often ends with a line break.
UNSENDABLE = re.compile(r"[\0\r\n]")

Text = TypeVar("Text", str, SecretStr)


def canonical_sender(value: str) -> str:
    """Return the sender of all emails: an address, or a name and an address.

    Examples are `hello@example.com` and `Liftoff <hello@example.com>`. The name
    may contain characters beyond ASCII. Raises `ValueError` for anything else.
    """
    return str(sender_of(value))


def sender_of(value: str) -> Address:
    """Split the sender into a name and an address.

    Raises `ValueError` in the same cases as `canonical_sender`.
    """
    named = NAMED.fullmatch(value.strip())
    name, address = (named["name"], named["address"]) if named else ("", value)
    name = unicodedata.normalize("NFC", name.strip())
    if not name.isprintable() or (named and "@" in name and not named["quote"]):
        raise ValueError(
            "must be one address, or a name and an address: Liftoff <hello@example.com>"
        )
    if len(name) > MAX_NAME:
        raise ValueError(f"has a name of more than {MAX_NAME} characters")
    try:
        return Address(name, addr_spec=ascii_email(address.strip(" ")))
    except ValueError:
        raise ValueError(
            "must be an address that mail can be sent to, or a name and such an address: "
            "Liftoff <hello@example.com>"
        ) from None


def canonical_mail_server(value: str) -> str:
    """Return a host name in ASCII (IDNA), or an IP address without brackets.

    Raises `ValueError` for anything else.
    """
    host = value.strip().removeprefix("[").removesuffix("]")
    try:
        return str(ip_address(host))
    except ValueError:
        name = in_ascii(host).removesuffix(".").lower()
    if not HOST.fullmatch(name):
        raise ValueError(
            "must be a host name such as smtp.example.com, without scheme, port or path"
        )
    return f"{name}." if host.endswith(".") else name


def check_credential(value: Text) -> Text:
    """Return a username or password if SMTP can transmit it.

    Raises `ValueError` if it contains a line break or a NUL.
    """
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    if UNSENDABLE.search(text):
        raise ValueError(
            "must not contain a line break or a NUL character; if it was read from a file, the "
            "file may end with one"
        )
    return value

"""No form causes a 500 or takes as long as a second (security requirements 41 to
43).
"""

from urllib.parse import quote

import pytest

from app import main
from tests.platform.hostile import STRINGS, fields


@pytest.mark.parametrize(
    "form", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_every_field_of_a_form(refused, form):
    described = main.app.openapi()["paths"]["/auth/token"]["post"]
    names = fields(described, "application/x-www-form-urlencoded")
    assert {"username", "password"} <= set(names)
    for name in names:
        others = {"username": "ada", "password": "wrong"}
        for value in [text.encode("utf-8", "surrogatepass") for text in STRINGS]:
            answer = refused(
                "POST",
                "/auth/token",
                content=encoded(others | {name: value}, form),
                headers=content(form),
            )
            assert 400 <= answer < 500


@pytest.mark.parametrize(
    "body", [b"", b"\xff", b"&&&", b"=", b"username", b"--x", b"--x--", b"username=a&" * 2_000]
)
@pytest.mark.parametrize(
    "form", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_every_whole_form(refused, form, body):
    assert refused("POST", "/auth/token", content=body, headers=content(form)) in (
        400,
        401,
        413,
        422,
    )


@pytest.mark.parametrize(
    "charset", ["utf-7", "utf-16", "punycode", "idna", "unicode_escape", "zlib", "no-such"]
)
def test_no_character_set_of_a_form_is_a_way_around(refused, charset):
    for text in (b"+AAA-", b"+2AA-", rb"\ud800", rb"\x00", b"xn--" + b"9" * 5_000, b"\xff\xfea"):
        form = "multipart/form-data; boundary=x"
        body = encoded({"username": b"ada", "password": text}, form)
        assert (
            refused(
                "POST", "/auth/token", content=body, headers=content(f"{form}; charset={charset}")
            )
            < 500
        )


def content(form):
    return {"Content-Type": form}


def encoded(values, form):
    parts = {
        name: value if isinstance(value, bytes) else value.encode()
        for name, value in values.items()
    }
    if form.startswith("application"):
        return "&".join(f"{name}={quote(value)}" for name, value in parts.items()).encode()
    head = b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
    return b"".join(head % (name.encode(), value) for name, value in parts.items()) + b"--x--\r\n"

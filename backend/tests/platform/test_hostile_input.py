"""No input of any field causes a 500 or takes a second (security requirements 41 to
43).

The fields come from the OpenAPI document. So a feature that is added tomorrow is
covered, too.
"""

import gzip
import json
import re
import time
from urllib.parse import quote

import pytest

from app import main
from app.platform import limits
from tests.auth.factories import make_user, token_for

LONE = "\ud800"
STRINGS = [
    "a\0b",
    LONE,
    f"{LONE}\udfff",
    "x" * 900_000,
    "\r\nBcc: eve@example.com",
    "\u202e",
    "💥" * 5_000,
    " ",
    "",
]
VALUES: list[object] = [
    *STRINGS,
    float("nan"),
    float("inf"),
    2**63,
    -(2**63) - 1,
    1e400,
    1e19,
    0,
    -1,
    True,
    None,
    [],
    {},
    [[]],
]
RAW = [
    b"9" * 5_000,
    b"1e9999",
    b'"\\u0000"',
    b'"\\ud800"',
    b'"\xff"',
    b"[" * 100_000,
    b'{"a":' * 100_000,
]
WHOLE = [
    b"",
    b"{",
    b"null",
    b"[]",
    b'"x"',
    b"1",
    b"NaN",
    b"\xff\xfe",
    b"\xef\xbb\xbf{}",
    b"[" * 100_000,
    b"{}" * 9,
    *RAW,
]
IN_URL = [
    "a%00b",
    "%00",
    "%ED%A0%80",
    "%FF",
    "9" * 5_000,
    "x" * 20_000,
    "-1",
    "9223372036854775808",
    "1e400",
    "NaN",
]
IN_URL += ["%0D%0AX-Evil:%201", "..%2f..%2fetc", "%27%20OR%201=1--", "%F0%9F%92%A5", "%", "%zz"]
ANY_ROUTE = ["Accept", "Cookie", "User-Agent", "X-Request-ID", "Origin", "Range"]


def operations():
    return [
        pytest.param(method.upper(), path, described, id=f"{method.upper()} {path}")
        for path, methods in sorted(main.app.openapi()["paths"].items())
        for method, described in methods.items()
        if not path.startswith("/health")
    ]


def fields(described, media):
    """Return the names of the body's fields for this media type.

    The result is `None` if there is no such body with a model.
    """
    schema = described.get("requestBody", {}).get("content", {}).get(media, {}).get("schema")
    if (
        schema is None or schema.get("type") == "object"
    ):  # the latter are bytes with a signature: Stripe's
        return None
    (name,) = [
        one["$ref"].rpartition("/")[2]
        for one in schema.get("anyOf", [schema])
        if one != {"type": "null"}
    ]
    return list(main.app.openapi()["components"]["schemas"][name]["properties"])


def means_no_body(described, body):
    """Return whether this is `null` for a body that may be left out."""
    return not described["requestBody"].get("required") and body in (b"", b"null")


def plain(path):
    return re.sub(r"{\w+}", "1", path.replace("{slug}", "first-light"))


@pytest.fixture
def refused(client, db, monkeypatch):
    """`refused(method, url, …)` asks as a superuser, so that the input is read.

    The response is never a 500 and never slow.
    """
    user = make_user(is_superuser=True)

    def sign_in():
        client.headers["Authorization"] = f"Bearer {token_for(user)}"

    def ask(method, url, **options):
        limits.made_counters.cache_clear()  # or all but the first answers would be 429
        started = time.process_time()
        answer = client.request(method, url, **options)
        assert time.process_time() - started < 1  # of this process: others may be busy here, too
        assert answer.status_code < 500, (method, url[:80], str(options)[:200], answer.text)
        if answer.status_code >= 400:
            json.dumps(answer.json(), allow_nan=False).encode()
        if answer.status_code == 204:
            sign_in()  # it may have ended the session, and what comes next is to be looked at, too
        return answer.status_code

    sign_in()
    return ask


def replaced(field, raw):
    """Return a body in which one field is these very bytes."""
    return b'{"%s": %s}' % (field.encode(), raw)


@pytest.mark.parametrize(("method", "path", "described"), operations())
def test_every_field_of_a_json_body(refused, method, path, described):
    names = fields(described, "application/json")
    headers = {"Content-Type": "application/json"}
    for name in names or []:
        for value in VALUES:
            refused(
                method, plain(path), content=json.dumps({name: value}).encode(), headers=headers
            )
        for raw in RAW:
            status = refused(method, plain(path), content=replaced(name, raw), headers=headers)
            assert status in (404, 413, 422), raw[:20]


@pytest.mark.parametrize(("method", "path", "described"), operations())
def test_every_whole_body(refused, method, path, described):
    if fields(described, "application/json") is None:
        return
    for body in WHOLE:
        status = refused(
            method, plain(path), content=body, headers={"Content-Type": "application/json"}
        )
        assert status in ((204, 401, 403) if means_no_body(described, body) else (404, 413, 422)), (
            body[:20]
        )
    for media in (
        "text/plain",
        "application/xml",
        "multipart/form-data",
        "application/x-www-form-urlencoded",
        "",
    ):
        assert refused(method, plain(path), content=b"{}", headers={"Content-Type": media}) == 415


@pytest.mark.parametrize(("method", "path", "described"), operations())
def test_every_compressed_body(refused, method, path, described):
    """Nothing is decompressed, and no response claims that the JSON is wrong."""
    if "requestBody" not in described:
        return
    (media,) = described["requestBody"]["content"]
    for coding in ("gzip", "GZIP", "br", "zstd", "identity, deflate", "x-unknown"):
        headers = {"Content-Type": media, "Content-Encoding": coding}
        assert refused(method, plain(path), content=gzip.compress(b"{}"), headers=headers) == 415, (
            coding
        )
    for coding in ("", "identity", "Identity"):
        headers = {"Content-Type": media, "Content-Encoding": coding}
        assert refused(method, plain(path), content=b"{", headers=headers) in (400, 404, 422), (
            coding
        )


@pytest.mark.parametrize(("method", "path", "described"), operations())
def test_every_place_of_a_path_and_query(refused, method, path, described):
    for parameter in described.get("parameters", []):
        for value in IN_URL:
            if parameter["in"] == "path":
                refused(method, plain(path.replace(f"{{{parameter['name']}}}", value)))
            elif parameter["in"] == "query":
                refused(method, f"{plain(path)}?{parameter['name']}={value}")
    if described.get("parameters"):
        assert refused(method, f"{plain(path)}?%00=1") in (200, 404, 405, 422)


@pytest.mark.parametrize(("method", "path", "described"), operations())
def test_every_header(refused, method, path, described):
    own = [
        parameter["name"]
        for parameter in described.get("parameters", [])
        if parameter["in"] == "header"
    ]
    # What no route reads itself comes in one request, but for the one that ends it with
    # a 401.
    together = [[name] for name in {*own, "Authorization"}] + [ANY_ROUTE]
    for names in together:
        for value in (
            b"\xff\xfe",
            b"a\tb",
            b"x" * 20_000,
            b"Bearer \xe9",
            b"*",
            b'W/"',
            b",,,",
            b"bytes=0-",
        ):
            refused(method, plain(path), headers={name.encode(): value for name in names})


@pytest.mark.parametrize("url", ["/widgets/a%00b", "/widgets?cursor=a%00b"])
def test_a_nul_is_refused_at_the_door(widgets, db, url):
    (error,) = widgets.get(url).json()["errors"]
    assert error["type"] == "string_nul"


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

"""No input of any field causes a 500 or takes a second (security requirements 41 to
43).

The fields come from the OpenAPI document. So a feature that is added tomorrow is
covered, too.
"""

import gzip
import json
import re

import pytest

from app import main
from tests.platform.hostile import STRINGS, fields

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

ANY_ROUTE = ["Accept", "Cookie", "User-Agent", "X-Request-ID", "Origin", "Range"]


def operations():
    return [
        pytest.param(method.upper(), path, described, id=f"{method.upper()} {path}")
        for path, methods in sorted(main.app.openapi()["paths"].items())
        for method, described in methods.items()
        if not path.startswith("/health")
    ]


def means_no_body(described, body):
    """Return whether the body is `null`, and the route does not require a body."""
    return not described["requestBody"].get("required") and body in (b"", b"null")


def plain(path):
    return re.sub(r"{\w+}", "1", path.replace("{slug}", "first-light"))


def replaced(field, raw):
    """Return a JSON body in which `raw` is the value of one field, byte for byte."""
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
    """The server decompresses no body, and no response claims that the JSON is
    wrong.
    """
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
    # Headers that the route does not read itself are sent together in one request.
    # `Authorization` is sent separately, because it ends the request with a 401.
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


def content(form):
    return {"Content-Type": form}

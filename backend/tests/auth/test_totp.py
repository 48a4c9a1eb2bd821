"""TOTP follows RFC 6238, and any text may be sent as a code."""

from datetime import UTC, datetime
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.routers.auth.mfa import totp

pytestmark = pytest.mark.only("sqlite")  # uses no database

# These are the SHA-1 rows of RFC 6238, appendix B. Our codes are the last six of their
# eight digits.
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
VECTORS = {
    59: "287082",
    1111111109: "081804",
    1111111111: "050471",
    1234567890: "005924",
    2000000000: "279037",
    20000000000: "353130",
}


def at(seconds):
    return datetime.fromtimestamp(seconds, UTC)


@pytest.mark.parametrize(("seconds", "code"), VECTORS.items())
def test_codes_are_those_of_the_standard(seconds, code):
    assert totp.code_at(SECRET, totp.step_at(at(seconds))) == code
    assert totp.step_of(SECRET, code, at(seconds)) == seconds // 30


@pytest.mark.parametrize(
    ("seconds", "right"),
    [(-31, False), (-30, True), (0, True), (30, True), (59, True), (60, False)],
)
def test_a_code_is_right_one_step_early_and_one_step_late(seconds, right):
    """A code becomes valid at 1111111110.

    The server's clock differs from that by `seconds`.
    """
    code = totp.code_at(SECRET, 1111111110 // 30)
    assert (totp.step_of(SECRET, code, at(1111111110 + seconds)) is not None) is right


def test_a_step_that_was_accepted_is_not_accepted_again():
    code = totp.code_at(SECRET, 1000)
    assert totp.step_of(SECRET, code, at(30_000), after=999) == 1000
    assert totp.step_of(SECRET, code, at(30_000), after=1000) is None


@given(st.text(max_size=64))
def test_nothing_but_six_right_digits_is_right(code):
    right = {totp.code_at(SECRET, step) for step in (999, 1000, 1001)}
    assert (totp.step_of(SECRET, code, at(30_000)) is not None) is (code in right)


def test_digits_of_other_scripts_are_no_code():
    arabic = totp.code_at(SECRET, 1000).translate({ord("0") + n: 0x0660 + n for n in range(10)})
    assert totp.step_of(SECRET, arabic, at(30_000)) is None


def test_every_secret_is_new_and_as_long_as_the_hash():
    secrets = {totp.new_secret() for _ in range(50)}
    assert len(secrets) == 50
    assert {len(secret) for secret in secrets} == {32}  # 160 bits


def test_the_uri_holds_what_an_app_needs_whatever_the_names():
    uri = urlsplit(totp.otpauth_uri(SECRET, "My: Shop & Co", "a+b&c=d@example.com"))
    assert (uri.scheme, uri.netloc) == ("otpauth", "totp")
    assert unquote(uri.path) == "/My: Shop & Co:a+b&c=d@example.com"
    assert uri.path.count(":") == 1  # the colons in names are escaped
    facts = {
        "secret": SECRET,
        "issuer": "My: Shop & Co",
        "algorithm": "SHA1",
        "digits": "6",
        "period": "30",
    }
    assert parse_qs(uri.query) == {name: [value] for name, value in facts.items()}

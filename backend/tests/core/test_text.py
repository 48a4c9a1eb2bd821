"""Names that must be unique have one canonical form (security requirement 46)."""

# ruff: noqa: RUF001 - these tests are about look-alike letters

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.text import (
    RESERVED,
    SLUG,
    canonical_email,
    canonical_slug,
    canonical_username,
    slug_from,
)

WORDS = st.text(st.characters(categories=["L", "N", "M", "P", "Zs", "Cf"]), max_size=40)


@pytest.mark.parametrize(
    ("spelling", "canonical"),
    [
        ("Alice@EXAMPLE.com", "alice@example.com"),
        (" alice@example.com ", "alice@example.com"),
        ("ａｌｉｃｅ@example.com", "alice@example.com"),
        ("alice@ｅｘａｍｐｌｅ.com", "alice@example.com"),
        ("alice＠example.com", "alice@example.com"),
        ("alice@example。com", "alice@example.com"),
        ("\N{KELVIN SIGN}elvin@example.com", "kelvin@example.com"),
        ("alice@bücher.example.com", "alice@xn--bcher-kva.example.com"),
        (
            "alice@" + unicodedata.normalize("NFD", "bücher.example.com"),
            "alice@xn--bcher-kva.example.com",
        ),
        ("alice@BÜCHER.example.com", "alice@xn--bcher-kva.example.com"),
        ("alice@XN--BCHER-KVA.example.com", "alice@xn--bcher-kva.example.com"),
        ("alice+tag@example.com", "alice+tag@example.com"),
    ],
)
def test_every_spelling_of_an_address_is_one_address(spelling, canonical):
    assert canonical_email(spelling) == canonical


@pytest.mark.parametrize(
    "address",
    [
        "",
        "alice",
        "alice@",
        "@example.com",
        "alice@@example.com",
        "alıce@example.com",
        "İlk@example.com",
        "élodie@example.com",
        unicodedata.normalize("NFD", "élodie@example.com"),
        "аlice@example.com",
        "alice@localhost",
        "alice@[192.0.2.1]",
        "alice@example.com.",
        "alice@-example.com",
        "al\u200bice@example.com",
        "alice@exam\u00adple.com",
        '"alice"@example.com',
        "Alice <alice@example.com>",
        "alice@example.com, eve@example.com",
        "alice@example.com\r\nBcc: eve@example.com",
        "alice@example.com\n",
        "alice\r@example.com",
        "alice@example.com\0",
        "\ud800@example.com",
        "a" * 65 + "@example.com",
        "alice@" + "a" * 64 + ".com",
        "alice@" + ("a" * 60 + ".") * 5 + "com",
    ],
)
def test_what_no_mail_should_go_to_is_refused(address):
    with pytest.raises(ValueError, match="email address"):
        canonical_email(address)


@pytest.mark.parametrize(
    "name", ["Ada.Lovelace", "ＡＤＡ.lovelace", " ada.lovelace ", "ada.lovelace"]
)
def test_every_spelling_of_a_user_name_is_one_name(name):
    assert canonical_username(name) == "ada.lovelace"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "ab",
        "a" * 33,
        "-ada",
        "ada-",
        "a da",
        "adá",
        "alıce",
        "аda",
        "ad\u200ba",
        "ada\n",
        "a\r\nb",
        "a@b",
        "a/b",
    ],
)
def test_what_is_no_user_name_is_refused(name):
    with pytest.raises(ValueError, match="username"):
        canonical_username(name)


@pytest.mark.parametrize(
    "name", ["admin", "ROOT", "ａｄｍｉｎ", "support", "api", "www", "new", "null"]
)
def test_a_reserved_name_is_refused_in_every_spelling(name):
    for canonical in (canonical_username, canonical_slug):
        with pytest.raises(ValueError, match=r"reserved"):
            canonical(name)


def test_the_documented_names_are_reserved():
    assert {"admin", "root", "support", "api", "www", "me", "null"} <= RESERVED


@pytest.mark.parametrize(
    ("spelling", "slug"), [("First-Light", "first-light"), ("ｆｉｒｓｔ", "first"), ("a1", "a1")]
)
def test_every_spelling_of_a_slug_is_one_slug(spelling, slug):
    assert canonical_slug(spelling) == slug


@pytest.mark.parametrize(
    "slug", ["", "-a", "a-", "a--b", "a_b", "a b", "á", "a/b", "a\n", "../a", "a" * 121]
)
def test_what_is_no_slug_is_refused(slug):
    with pytest.raises(ValueError, match="slug"):
        canonical_slug(slug)


@given(st.emails() | WORDS | st.builds("{}@{}.example.com".format, WORDS, WORDS))
def test_the_canonical_form_is_its_own_canonical_form(text):
    for canonical in (canonical_email, canonical_username, canonical_slug):
        try:
            once = canonical(text)
        except ValueError:
            continue
        assert canonical(once) == once
        assert once.isascii()
        assert once == once.lower()


@given(st.text(max_size=300))
def test_a_title_always_gives_a_slug_that_may_stand(title):
    slug = slug_from(title, fallback="post")
    assert SLUG.fullmatch(slug)
    assert slug not in RESERVED
    assert len(slug) <= 108


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Élan, on two wheels!", "elan-on-two-wheels"),
        ("Admin", "post"),
        ("!!!", "post"),
        ("日本", "ri-ben"),
        ("🎉", "post"),
    ],
)
def test_a_title_in_any_language_is_spelled_or_falls_back(title, slug):
    assert slug_from(title, fallback="post") == slug


def test_an_address_that_unfolds_is_refused_by_its_length():
    """NFKC turns one letter into eighteen, and the time that IDNA takes grows with the
    square of the number of letters.
    """
    with pytest.raises(ValueError, match="longer than 254"):
        canonical_email("a@" + "\ufdfa" * 318)

"""Signatures and keys: anything altered, or made for another purpose, is refused."""

import pytest
from cryptography.fernet import InvalidToken
from hypothesis import given
from hypothesis import strategies as st

from app.core.keys import BadSignature, cipher, derive_key, sign_payload, unsign_payload

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@given(st.binary(max_size=200), st.text(max_size=20), st.text(max_size=20))
def test_what_was_signed_is_read_again(payload, purpose, context):
    assert unsign_payload(purpose, sign_payload(purpose, payload, context), context) == payload


@given(st.binary(max_size=40), st.data())
def test_any_one_bit_changed_is_refused(payload, data):
    signed = sign_payload("tests", payload)
    at = data.draw(st.integers(0, len(signed) - 1))
    bit = data.draw(st.integers(0, 5))
    altered = signed[:at] + LETTERS[LETTERS.index(signed[at]) ^ (1 << bit)] + signed[at + 1 :]
    with pytest.raises(BadSignature):
        unsign_payload("tests", altered)


@given(st.text(max_size=20), st.text(max_size=20))
def test_another_purpose_or_context_is_refused(one, other):
    signed = sign_payload("tests", b"payload", one)
    with pytest.raises(BadSignature):
        unsign_payload("other tests", signed, one)
    if one != other:
        with pytest.raises(BadSignature):
            unsign_payload("tests", signed, other)


@pytest.mark.parametrize(
    "spelling", ["{}=", "{}==", "{}\n", " {}", "{}!", "{}é", "", "A", "ABCD", "{}A"]
)
def test_a_signed_value_has_one_spelling(spelling):
    with pytest.raises(BadSignature):
        unsign_payload("tests", spelling.format(sign_payload("tests", b"payload")))


@given(st.text(max_size=60))
def test_no_text_whatever_makes_it_raise_anything_else(text):
    with pytest.raises(BadSignature):
        unsign_payload("tests", text)


def test_the_border_between_context_and_payload_cannot_be_moved():
    signed = sign_payload("tests", b"bc", "a")
    with pytest.raises(BadSignature):
        unsign_payload("tests", signed, "ab")
    assert sign_payload("tests", b"c", "ab").encode()[:20] != signed.encode()[:20]


def test_keys_differ_by_purpose_and_have_256_bits():
    assert derive_key("one") != derive_key("two")
    assert len(derive_key("one")) == 32


def test_a_cipher_of_another_purpose_reads_nothing():
    hidden = cipher("one").encrypt(b"plain")
    assert b"plain" not in hidden
    with pytest.raises(InvalidToken):
        cipher("two").decrypt(hidden)

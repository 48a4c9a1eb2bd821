"""JSON at the door: ordinary values come through unchanged, what a database could choke on does not."""

import contextlib
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.strict_json import InvalidJson, parse

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | TEXT
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    SCALARS | NUMBERS, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5)
)


@given(VALUES, st.booleans())
def test_ordinary_values_are_what_any_other_reader_makes_of_them(value, escaped):
    body = json.dumps(value, ensure_ascii=escaped).encode()
    assert parse(body) == json.loads(body) == value


@given(st.binary(max_size=60))
def test_any_bytes_give_a_value_or_the_one_error(body):
    try:
        value = parse(body)
    except InvalidJson:
        return
    json.dumps(value, allow_nan=False).encode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{'a': 1}",
        b'{"a": 1,}',
        b'{"a": 1} x',
        b"NaN",
        b"-Infinity",
        b"Infinity",
        b"\xff",
        b'"\xff"',
        b'"\xc3"',
        b'"\xed\xa0\x80"',
        b'"\\ud800"',
        b'"\\ud800 "',
        b'"\\udc00\\ud800"',
        b'"\x00"',
        b'"\n"',
        b"\xef\xbb\xbf1",
        b"\xff\xfe1\x00",
        b"[" * 300 + b"]" * 300,
    ],
)
def test_bad_json_is_refused(body):
    with pytest.raises(InvalidJson) as refusal:
        parse(body)
    assert refusal.value.type == "json_invalid"


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**30])
def test_an_integer_beyond_64_bits_is_refused_where_it_stands(number):
    with pytest.raises(InvalidJson) as refusal:
        parse(json.dumps({"a": [1, {"b": number}]}).encode())
    assert (refusal.value.type, refusal.value.loc) == ("int_overflow", ("a", 1, "b"))


@pytest.mark.parametrize("body", [b"1e400", b"-1E+999", b"1e0000000309", b"1" * 400 + b".5", b"1" * 300 + b"e99"])
def test_a_number_too_large_to_be_finite_is_refused(body):
    with pytest.raises(InvalidJson) as refusal:
        parse(body)
    assert refusal.value.type == "finite_number"


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63)])
def test_the_largest_and_smallest_64_bit_integers_are_taken(number):
    assert parse(str(number).encode()) == number


@pytest.mark.parametrize("body", [b'{"a": "x\\u0000"}', b'{"a": {"\\u0000": 1}}'])
def test_an_escaped_nul_is_refused_in_values_and_keys(body):
    with pytest.raises(InvalidJson) as refusal:
        parse(body)
    assert (refusal.value.type, refusal.value.loc) == ("string_nul", ("a",))


@pytest.mark.parametrize("body", [b"9" * 1_000_000, b"[" * 1_000_000, b'{"a":' * 160_000, b"1." + b"9" * 900_000])
def test_the_worst_bodies_are_answered_quickly(body):
    started = time.process_time()
    with contextlib.suppress(InvalidJson):
        parse(body)
    assert time.process_time() - started < 0.5


@given(st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x4FFF), min_size=4, max_size=8))
def test_a_refusal_never_repeats_the_body(word):
    for body in (f'"{word}', f'{{"{word}": {2**64}}}', f'"{word}\\u0000"', word):
        with pytest.raises(InvalidJson) as refusal:
            parse(body.encode())
        assert word not in refusal.value.message

"""Strict JSON keeps ordinary values unchanged.

It refuses values that a database could not store.
"""

import contextlib
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.strict_json import MAX_ENTRIES, InvalidJson, parse_strict_json

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | TEXT
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    SCALARS | NUMBERS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5),
)


@given(VALUES, st.booleans())
def test_ordinary_values_are_what_any_other_reader_makes_of_them(value, escaped):
    body = json.dumps(value, ensure_ascii=escaped).encode()
    assert parse_strict_json(body) == json.loads(body) == value


@given(st.binary(max_size=60))
def test_any_bytes_give_a_value_or_the_one_error(body):
    try:
        value = parse_strict_json(body)
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
        parse_strict_json(body)
    assert refusal.value.type == "json_invalid"


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**30])
def test_an_integer_beyond_64_bits_is_refused_where_it_stands(number):
    with pytest.raises(InvalidJson) as refusal:
        parse_strict_json(json.dumps({"a": [1, {"b": number}]}).encode())
    assert (refusal.value.type, refusal.value.loc) == ("int_overflow", ("a", 1, "b"))


@pytest.mark.parametrize(
    "body", [b"1e400", b"-1E+999", b"1e0000000309", b"1" * 400 + b".5", b"1" * 300 + b"e99"]
)
def test_a_number_too_large_to_be_finite_is_refused(body):
    with pytest.raises(InvalidJson) as refusal:
        parse_strict_json(body)
    assert refusal.value.type == "finite_number"


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63)])
def test_the_largest_and_smallest_64_bit_integers_are_taken(number):
    assert parse_strict_json(str(number).encode()) == number


@pytest.mark.parametrize("body", [b'{"a": "x\\u0000"}', b'{"a": {"\\u0000": 1}}'])
def test_an_escaped_nul_is_refused_in_values_and_keys(body):
    with pytest.raises(InvalidJson) as refusal:
        parse_strict_json(body)
    assert (refusal.value.type, refusal.value.loc) == ("string_nul", ("a",))


@pytest.mark.parametrize(
    "body", [b"9" * 1_000_000, b"[" * 1_000_000, b'{"a":' * 160_000, b"1." + b"9" * 900_000]
)
def test_the_worst_bodies_are_answered_quickly(body):
    started = time.process_time()
    with contextlib.suppress(InvalidJson):
        parse_strict_json(body)
    assert time.process_time() - started < 0.5


@given(st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x4FFF), min_size=4, max_size=8))
def test_a_refusal_never_repeats_the_body(word):
    for body in (f'"{word}', f'{{"{word}": {2**64}}}', f'"{word}\\u0000"', word):
        with pytest.raises(InvalidJson) as refusal:
            parse_strict_json(body.encode())
        assert word not in refusal.value.message


def entries(value):
    """Return the number of members, items, and containers."""
    if isinstance(value, dict | list):
        return 1 + sum(
            max(1, entries(inner))
            for inner in (value.values() if isinstance(value, dict) else value)
        )
    return 0


def signs(value):
    """Return the number of opening brackets and commas, from which the reader estimates
    the entries.
    """
    if isinstance(value, dict | list):
        inner = list(value.values()) if isinstance(value, dict) else value
        return 1 + max(0, len(inner) - 1) + sum(map(signs, inner))
    return 0


@given(VALUES, st.booleans(), st.integers(1, 12))
def test_entries_are_counted_as_a_reader_counts_them(value, escaped, most):
    """A body with as many opening brackets and commas as the limit is read.

    A body with more than twice as many entries is never read, because containers count
    at most twice.
    """
    body = json.dumps(value, ensure_ascii=escaped).encode()
    if signs(value) <= most:
        assert parse_strict_json(body, most) == value
    elif entries(value) > 2 * most:
        with pytest.raises(InvalidJson):
            parse_strict_json(body, most)


@pytest.mark.parametrize("text", [",", "[", "{", '"', "\\", '\\"', ',"', "é,", "a,b [c](d) {e}\n"])
def test_a_text_full_of_signs_is_one_entry(text):
    body = {"title": "t", "content": text * (400_000 // len(text))}
    assert parse_strict_json(json.dumps(body).encode()) == body


@pytest.mark.parametrize("size", [MAX_ENTRIES + 1, 100_000])
@pytest.mark.parametrize("item", ["1", '""', '","', '"\\\\"', "{}", "[]", '{"a,b":1}', "null"])
def test_too_many_entries_are_refused_by_one_error(size, item):
    for body in (
        f"[{','.join([item] * size)}]",
        "{" + ",".join(f'"{n}":{item}' for n in range(size)) + "}",
    ):
        with pytest.raises(InvalidJson) as refused:
            parse_strict_json(body.encode())
        assert (refused.value.type, refused.value.loc) == ("json_too_many", ())


def test_a_body_at_the_limit_is_read():
    assert len(parse_strict_json(b"[" + b"1," * (MAX_ENTRIES - 2) + b"1]")) == MAX_ENTRIES - 1


HOSTILE = [
    b"[" + b"1," * 499_999 + b"1]",
    b'"' * 10**6,
    b"[" * 10**6,
    b'{"":' * 250_000,
    b"9" * 10**6,
    b" " * 10**6,
]
FILLINGS = (b",", b'\\",', b"\\\\,", b"\\u0041,", b"\\ud800,")
HOSTILE += [b'{"a":"%s"}' % (filling * (900_000 // len(filling))) for filling in FILLINGS]


@pytest.mark.parametrize("body", HOSTILE, ids=[str(body[:12]) for body in HOSTILE])
def test_a_megabyte_of_anything_costs_little(body):
    """At most 20 ms of CPU are promised.

    A busy machine may measure several times as much.
    """
    times = []
    for _ in range(3):
        began = time.thread_time()
        with contextlib.suppress(InvalidJson):
            parse_strict_json(body)
        times.append(time.thread_time() - began)
    assert min(times) < 0.1

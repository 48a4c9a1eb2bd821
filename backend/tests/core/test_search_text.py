"""Search tokens do not depend on a database's definition of a word."""

import itertools
import re
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.search_dialects import tsquery_of, tsvector_of
from app.core.search_text import (
    BREAK,
    CODES,
    LANGUAGES,
    MAX_TOKEN,
    Phrase,
    parse_query,
    search_text,
)

TSVECTOR = 2**20 - 1  # bytes
SIX = Phrase(("wwsix",), prefix=True)


def tokens(text):
    return search_text([text]).split()


@given(st.text())
def test_a_token_is_short_and_plain(text):
    for token in tokens(text):
        assert re.fullmatch(f"ww[a-z0-9]{{1,{MAX_TOKEN - 2}}}", token), token


@given(st.text(max_size=200))
def test_any_text_is_a_query_that_finds_itself(text):
    own = set(tokens(text))
    for phrase in parse_query(text):
        for token in phrase.tokens:
            assert any(one.startswith(token) for one in own), phrase


def test_no_code_of_a_letter_begins_another():
    """So if one token begins with another token, the first word begins with the second
    word.
    """
    letters = (chr(number) for number in range(sys.maxunicode + 1))
    codes = sorted(CODES[ord(one)] for one in letters if unicodedata.category(one)[0] in "LN")
    assert len(codes) > 100_000
    pairs = itertools.pairwise(codes)
    assert [pair for pair in pairs if pair[1].startswith(pair[0])] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Café NAÏVE", "wwcafe wwnaive"),
        ("cafe\u0301", "wwcafe"),
        ("b2b 2026", "wwb2b ww2026"),
        ("Iraq", "wwiraq035"),
        ("東京都", "wwqkflqfjg wwqfjgqsn1 wwqsn1"),
        ("soft\u00adhyphen zero\u200bwidth", "wwsofthyphen wwzero wwwidth"),
        ("👍🏽 👍 ❤️ ❤", "wwqz2qtp wwqz2qtp wwq7s4 wwq7s4"),
        ("٣ ३", "ww3 ww3"),
        ("_*~`#|<>", ""),
    ],
)
def test_the_tokens_of_a_text(text, expected):
    assert " ".join(tokens(text)) == expected


def test_fields_are_lines_that_no_phrase_crosses():
    assert search_text(["A b", "c"]) == f" wwa wwb {BREAK} \n wwc "
    assert tsvector_of(search_text(["A b", "c a"])) == "wwa:1A,5 wwb:2A wwc:4 16e2b 86cf1"


def test_a_phrase_is_searched_by_its_pairs():
    """Each pair of the phrase is in the text, unless it crosses a limit of the text."""
    words = tsvector_of(search_text(["", "one two three"])).split()
    pairs, _, phrase = tsquery_of(parse_query('"one two three"')).rpartition(" & ")
    assert set(pairs.split(" & ")) == {one for one in words if ":" not in one}
    assert phrase == "(wwone <-> wwtwo <-> wwthree)"
    assert tsquery_of(parse_query('"one" two')) == "(wwone) & wwtwo:*"


@pytest.mark.parametrize(
    "content",
    [
        "".join(map(chr, range(0x4E00, 0x9FFF))) * 10,
        " ".join(map(str, range(40_000))),
        "я " * 100_000,
        "\ufdfa " * 100_000,
        " ".join(f"{n:05}{'ж' * 30}" for n in range(6_000)),
    ],
)
def test_the_tokens_of_a_long_text_fit_into_a_tsvector(content):
    entries = tsvector_of(search_text(["Title", content[:200_000]])).split()
    positions = sum(entry.count(",") + entry.count(":") for entry in entries)
    size = sum(len(entry.partition(":")[0]) + 4 for entry in entries)
    assert size + 2 * positions < TSVECTOR
    assert "wwtitle:1A" in entries


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one two", [Phrase(("wwone",)), Phrase(("wwtwo",), prefix=True)]),
        ('one "two"', [Phrase(("wwone",)), Phrase(("wwtwo",))]),
        ('"one two" six six', [Phrase(("wwone", "wwtwo")), Phrase(("wwsix",)), SIX]),
        ("夜", [Phrase(("wwqhlo",), prefix=True)]),
        ('""', []),
        ("", []),
    ],
)  # fmt: skip
def test_the_phrases_of_a_query(text, expected):
    assert parse_query(text) == tuple(expected)


def test_stems_are_the_same_in_texts_and_queries():
    assert tokens("houses") != tokens("house")
    for word in ("house", "Houses", "housing"):
        assert search_text([word], "english").split() == ["wwhous"]
        assert parse_query(word, "english") == (Phrase(("wwhous",), prefix=True),)
    assert search_text(["Häuser"], "german") == search_text(["Haus"], "german")
    assert {"english", "german", "russian"} <= set(LANGUAGES)

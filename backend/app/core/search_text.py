"""Search tokens: the words of a text, in a form that every database indexes alike.

Databases have different rules for parsing text. PostgreSQL keeps 東京の夜 as a word.
MariaDB drops words of two letters. SQLite splits at other characters. So this module
splits a text into words, and the databases only see tokens that consist of `a` to `z`
and `0` to `9`:

| Text | Tokens | Why |
|---|---|---|
| `Café` | `wwcafe` | NFKC, lower case, no accents; `ww` makes it long enough |
| `Ночь` | `wwq0u5…` | any other letter, and `q`, becomes `q` and its number |
| `東京都` | 東京, 京都, 都 | in text without spaces, each pair of letters is a token |
| `🎉` | one token | an emoji counts as a word |

The code of a letter is never the beginning of another letter's code. So a token begins
with `wwcaf` exactly if its word begins with `caf`.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from threading import Lock
from typing import Any, NamedTuple

import snowballstemmer  # type: ignore[import-untyped]  # the package has no type hints

LANGUAGES = tuple(snowballstemmer.algorithms())
# With this prefix, every token has at least three letters, as MariaDB requires, and is
# never a stop word.
PREFIX = "ww"
# This token stands between two fields, so that no phrase begins in one field and ends
# in the next. No word has this token, because the tokens of words begin with `PREFIX`.
BREAK = "sep"
NEXT_LINE = f" {BREAK} \n "
MAX_TOKEN = 80  # characters; MariaDB ignores tokens of more than 84
# A tsvector of PostgreSQL holds at most 16,383 positions and 1 MB. Part of the 1 MB is
# for the pairs of words that are also indexed (`app.core.search_dialects`). Words after
# the first `MAX_POSITIONS` are not found as part of a phrase. Once the distinct tokens
# take `MAX_SIZE` bytes, the rest of the text is not indexed.
MAX_POSITIONS = 16_000
MAX_SIZE = 900_000
MAX_TEXT = 400_000  # characters; NFKC can make a hostile text 18 times as long
TOKEN_COST = 5  # maximum bytes that PostgreSQL needs for a token in addition to its letters

# Letters of Han, kana, Hangul, Bopomofo, Thai, Lao, Burmese and Khmer. In these
# scripts, each pair of adjacent letters becomes a token.
UNSPACED = (
    "\u3005\u3007\u303b\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
    "\u3041-\u3096\u3099\u309a\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"
    "\u3105-\u312f\u31a0-\u31bf\uac00-\ud7a3"
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ecd\u0edc-\u0edf\u1000-\u103f\u1050-\u109f\u1780-\u17d3"
)
UNSPACED_LETTER = re.compile(f"[{UNSPACED}]")
RUN = re.compile(f"[{UNSPACED}]+|[^\\s{UNSPACED}]+")
# Accents and points of Latin, Greek, Cyrillic, Hebrew and Arabic, and enclosing marks.
# These are removed. The marks of other scripts stay, because they change the word.
ACCENT = re.compile(
    "[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    "\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]"
)
# Variation selectors and skin tones, which only change the look of an emoji.
LOOKS = re.compile("[\ufe00-\ufe0f\U0001f3fb-\U0001f3ff\U000e0100-\U000e01ef]")
EMOJI = re.compile("[\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]")
ZERO_WIDTH_SPACE = "\u200b"  # unlike other format characters, this one separates words
# Letters with a stroke and ligatures, which have no separate accent to remove.
STROKES = {"ø": "o", "đ": "d", "ł": "l", "þ": "th", "ð": "d", "ħ": "h"}
STROKES |= {"æ": "ae", "œ": "oe", "\u0131": "i"}
QUOTES = str.maketrans(dict.fromkeys("“”„‟«»\uff02", '"'))
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
SHORT_CODES = 35 * 36**2  # larger numbers begin with `z` and have four digits


class Phrase(NamedTuple):
    """Tokens that must follow each other.

    If `prefix` is true, there is only one token, which also matches all longer tokens
    that begin with it.
    """

    tokens: tuple[str, ...]
    prefix: bool = False


Run = list[str]  # one word, or the pairs of letters of a text without spaces
Query = tuple[Phrase, ...]
"""The phrases of a search. A row matches if it contains all of them."""


def search_text(parts: Sequence[str], language: str = "") -> str:
    """Return the tokens of several texts, separated by spaces, one text per line.

    The result begins and ends with a space.
    """
    lines = [_tokens(part, language) for part in parts]
    count, text = sum(map(len, lines)), _joined(lines)
    if count > MAX_POSITIONS or len(text) + TOKEN_COST * count > MAX_SIZE:
        return _joined(_bounded(lines))
    return text


def parse_query(text: str, language: str = "") -> Query:
    """Parse a search text, which consists of words and of phrases in quotation marks.

    The last word may be incomplete, unless it is in quotation marks. All other
    punctuation separates words. A text without words gives an empty query.
    """
    pieces = text.translate(QUOTES).split('"')
    if len(pieces) % 2 == 0:  # the last quotation mark has no partner
        pieces[-2:] = [f"{pieces[-2]} {pieces[-1]}"]
    found: list[Phrase] = []
    for place, piece in enumerate(pieces):
        runs = _runs(_plain(piece), language)
        if place % 2:
            found += [_phrase(runs)] if runs else []
            continue
        found += [_phrase([run]) for run in runs]
        if runs and place == len(pieces) - 1 and len(found[-1].tokens) == 1:
            found[-1] = found[-1]._replace(prefix=True)
    return tuple(dict.fromkeys(found))


def _phrase(runs: list[Run]) -> Phrase:
    """Return the phrase that consists of these runs.

    A run of letters without spaces gives a token for each pair, and finally a token for
    the last letter alone. In the texts that are searched, another letter may follow
    that one, so the phrase ends with the last pair. A phrase of a single letter matches
    every pair that begins with it.
    """
    last = runs[-1]
    words = [word for run in runs[:-1] for word in run] + (last[:-1] or last)
    single = len(words) == 1 and len(words[0]) == 1 and UNSPACED_LETTER.match(words[0])
    return Phrase(tuple(map(_token, words)), prefix=bool(single))


def _tokens(text: str, language: str) -> list[str]:
    plain = _plain(text)
    if not language and (plain.isascii() or not UNSPACED_LETTER.search(plain)):
        return [_token(word) for word in plain.translate(FOLDED).split()]  # the usual case
    return [_token(word) for run in _runs(plain, language) for word in run]


def _plain(text: str) -> str:
    """Return the words of a text in lower case, with spaces between them."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)[:MAX_TEXT]
    return text.casefold().translate(LETTERS)


def _runs(plain: str, language: str) -> list[Run]:
    """Return each word, or the pairs of letters of each text without spaces."""
    found: list[Run] = []
    for run in RUN.findall(plain):
        if UNSPACED_LETTER.match(run):
            found.append([run[at : at + 2] for at in range(len(run))])
        elif word := (_stem(run, language) if language else run).translate(FOLDED):
            found.append([word])
    return found


def _token(word: str) -> str:
    if not word.isascii() or "q" in word:
        word = word.translate(CODES)
    return (PREFIX + word)[:MAX_TOKEN]


def _joined(lines: Iterable[Iterable[str]]) -> str:
    return f" {NEXT_LINE.join(' '.join(line) for line in lines)} "


def _bounded(lines: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return the lines, cut to what a tsvector can hold."""
    seen: set[str] = set()
    room, position = MAX_SIZE, 0
    bounded: list[list[str]] = []
    for line in lines:
        bounded.append([])
        for token in line:
            position += 1
            if token not in seen:
                room -= len(token) + TOKEN_COST
                if room < 0:
                    return bounded
                seen.add(token)
                bounded[-1] += [token] if position <= MAX_POSITIONS else [BREAK, token]
            elif position <= MAX_POSITIONS:
                bounded[-1].append(token)
    return bounded


class _Letters(dict[int, str]):
    """Turns a text into words with spaces between them."""

    def __missing__(self, number: int) -> str:
        self[number] = found = _letter(chr(number))
        return found


class _Folded(dict[int, str]):
    """Removes the accents of letters."""

    def __missing__(self, number: int) -> str:
        self[number] = found = _folded(chr(number))
        return found


class _Codes(dict[int, str]):
    """Writes letters as `a` to `z` and `0` to `9`."""

    def __missing__(self, number: int) -> str:
        self[number] = found = _code(number)
        return found


LETTERS, FOLDED, CODES = _Letters(), _Folded(), _Codes()


def _letter(letter: str) -> str:
    """Return the letter, or a space if it separates words, or "" if it is ignored."""
    kind = unicodedata.category(letter)
    if LOOKS.match(letter):
        return ""
    if EMOJI.match(letter) and kind == "So":
        return f" {letter} "
    if kind == "Cf":
        return " " if letter == ZERO_WIDTH_SPACE else ""
    return letter if kind[0] in "LNM" else " "


def _folded(letter: str) -> str:
    if UNSPACED_LETTER.match(letter):
        return letter
    if unicodedata.category(letter) == "Nd":
        return str(unicodedata.digit(letter))
    bare = ACCENT.sub("", unicodedata.normalize("NFKD", letter))
    return unicodedata.normalize("NFC", "".join(STROKES.get(part, part) for part in bare))


def _code(number: int) -> str:
    letter = chr(number)
    if letter in DIGITS and letter != "q":
        return letter
    start, length = ("q", 3) if number < SHORT_CODES else ("qz", 4)
    digits = (DIGITS[number // 36**power % 36] for power in reversed(range(length)))
    return start + "".join(digits)


_lock = Lock()


@lru_cache
def _stemmer(language: str) -> Any:
    return snowballstemmer.stemmer(language)


@lru_cache(50_000)
def _stem(word: str, language: str) -> str:
    """Return the stem of a word.

    A stemmer stores the word that it works on, so only one thread may use it at a time.
    """
    with _lock:
        return str(_stemmer(language).stemWord(word))

"""Search tokens and queries in the language of each database.

To find a phrase, PostgreSQL reads every row that contains all of its words, and then
checks their positions. For common words, that would be most of the table. So the index
in PostgreSQL also has a token for each pair of adjacent words. The token is one of a
million checksums, so that the index stays small. Different pairs can therefore have the
same token, but PostgreSQL drops such false matches when it checks the positions.
"""

from itertools import pairwise
from zlib import crc32

from app.core.search_text import BREAK, Phrase, Query

PAIRS = 2**20  # different tokens for pairs


def tsvector_of(text: str) -> str:
    """Return a `search_text` as a literal of PostgreSQL's type `tsvector`.

    The tokens of the first line have a higher weight than the others.
    """
    places: dict[str, list[str]] = {}
    position = 0
    for number, line in enumerate(text.split("\n")):
        weight = "" if number else "A"
        for token in line.split():
            position += 1
            places.setdefault(token, []).append(f"{position}{weight}")
    places.pop(BREAK, None)
    pairs = {_pair(*two) for two in pairwise(text.split()) if BREAK not in two}
    words = (f"{token}:{','.join(at)}" for token, at in places.items())
    return " ".join([*words, *sorted(pairs)])


def tsquery_of(query: Query) -> str:
    """Return the query for PostgreSQL."""
    return " & ".join(map(_tsquery, query))


def tsquery_without_pairs(query: Query) -> str:
    """Return the query that computes a row's score, in which pairs do not count."""
    return " & ".join(map(_words, query))


def boolean_mode_of(query: Query) -> str:
    """Return the query for MATCH … AGAINST of MySQL and MariaDB."""
    return " ".join(
        f"+{phrase.tokens[0]}*" if phrase.prefix else f'+"{" ".join(phrase.tokens)}"'
        for phrase in query
    )


def fts5_of(query: Query) -> str:
    """Return the query for FTS5 of SQLite."""
    return " AND ".join(
        f'"{" ".join(phrase.tokens)}"{" *" if phrase.prefix else ""}' for phrase in query
    )


def _tsquery(phrase: Phrase) -> str:
    return " & ".join([*(_pair(*two) for two in pairwise(phrase.tokens)), _words(phrase)])


def _words(phrase: Phrase) -> str:
    return f"{phrase.tokens[0]}:*" if phrase.prefix else f"({' <-> '.join(phrase.tokens)})"


def _pair(first: str, second: str) -> str:
    """Return the token of two words, which has no `w` and so equals no word's token."""
    return f"{crc32(f'{first} {second}'.encode()) % PAIRS:05x}"

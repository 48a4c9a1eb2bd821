"""A statement's shape has no values, and is the same for all values."""

import pytest

from app.db.watching.fingerprints import MOST, fingerprint_of

SECRET = "s3cret"
START = "SELECT `a` FROM b WHERE c ="

SHAPES = [
    ("SELECT id\nFROM users  WHERE name = 'x'", "SELECT id FROM users WHERE name = ?"),
    ("SELECT %(a_1)s::TEXT, %s, ?", "SELECT ?::TEXT, ?, ?"),
    ("WHERE id IN (%(i_1)s, %(i_2)s)", "WHERE id IN (…)"),
    ("WHERE id IN (%(i_1)s)", "WHERE id IN (…)"),
    ("VALUES (%(a__0)s, 5), (%(a__1)s, 6)", "VALUES (…)"),
    ("LIMIT 21 OFFSET .5", "LIMIT ? OFFSET ?"),
    ('SELECT v1.id2 FROM "order" AS v1', 'SELECT v1.id2 FROM "order" AS v1'),
    ("SELECT a -- it's a name\nFROM b", "SELECT a FROM b"),
    ("SELECT /* 'x */ 'y', c", "SELECT ?, c"),
]


@pytest.mark.parametrize(("statement", "shape"), SHAPES)
def test_values_and_layout_are_no_part_of_the_shape(statement, shape):
    assert fingerprint_of(statement).shape == shape


@pytest.mark.parametrize(
    "literal",
    [
        f"'{SECRET}'",
        f"'it''s {SECRET}'",
        f"'-- {SECRET}'",
        f"'/* {SECRET}'",
        f"'{SECRET}",
        f"E'\\'{SECRET}'",
        f"'\\' OR '{SECRET}'",
        f"$tag$ ' {SECRET} $tag$",
        f"$${SECRET}",
        f"/* {SECRET} */",
        f"-- {SECRET}",
    ],
)
def test_no_literal_gets_through(literal):
    name, shape = fingerprint_of(f"{START} {literal}")
    assert SECRET not in shape
    assert shape.startswith(START)
    assert len(name) == 12


def test_double_quotes_hold_strings_in_mysql():
    assert fingerprint_of(f'{START} "{SECRET}"', quotes_names=False).shape == f"{START} ?"


def test_the_name_depends_on_the_shape_only():
    names = {fingerprint_of(f"{START} {n} OR d IN ({n}, 2)").name for n in range(9)}
    assert len(names) == 1
    assert fingerprint_of("SELECT 1 FROM c").name not in names


def test_a_long_statement_is_cut():
    shape = fingerprint_of("SELECT '" + "x" * MOST + f"', {SECRET}").shape
    assert shape == "SELECT ?"

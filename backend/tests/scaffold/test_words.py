"""English plurals, and names that only look like plurals or singulars."""

import pytest

from scaffold.naming import names_of
from scaffold.problems import Refused
from scaffold.words import camel, plural_of, singular_of, with_article

PAIRS = """address addresses|analysis analyses|box boxes|branch branches|bus buses|cache caches
category categories|class classes|course courses|day days|hero heroes|house houses
invoice invoices|key keys|leaf leaves|lens lenses|license licenses|match matches
movie movies|order_line order_lines|person people|phrase phrases|quiz quizzes
response responses|menu menus|api apis|taxi taxis|calorie calories|loaf loaves
matrix matrices|oasis oases|shoe shoes|status statuses|tax taxes|use uses"""


@pytest.mark.parametrize("pair", PAIRS.replace("\n", "|").split("|"))
def test_one_and_many_lead_to_each_other(pair):
    one, many = pair.split()
    assert (plural_of(one), singular_of(many), singular_of(one)) == (many, one, None)
    assert names_of(one, None) == names_of(many, None) == (one, many)


@pytest.mark.parametrize("word", ["news", "series", "species", "equipment", "order_information"])
def test_what_is_one_and_many_at_once_is_both(word):
    assert names_of(word, None) == (word, word)


def test_a_given_plural_wins():
    assert names_of("index", "indices") == ("index", "indices")
    assert names_of("cow", "kine") == ("cow", "kine")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a",
        "Invoices",
        "in-voices",
        "invoices2",
        "_x",
        "x_",
        "a__b",
        "a/b",
        "../x",
        "é",
        "x" * 31,
    ],
)
def test_what_is_no_name_is_refused(name):
    with pytest.raises(Refused, match="cannot be the name of a feature"):
        names_of(name, None)


def test_spellings():
    assert camel("order_line") == "OrderLine"
    assert [with_article(word) for word in ("invoice", "order_line", "unit", "user", "hour")] == [
        "an invoice",
        "an order line",
        "a unit",
        "a user",
        "an hour",
    ]

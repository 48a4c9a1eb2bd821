"""A project's name appears in three spellings."""

import pytest

from tools.console import Problem
from tools.projects.names import Name, checked_name


def test_each_spelling_is_replaced_by_its_own():
    name = checked_name("acmeshop", "AcmeShop")
    assert name == Name("acmeshop", "AcmeShop")
    text = "Liftoff: liftoff_jobs, LIFTOFF_PART, /srv/liftoff/backend"
    assert name.given_to(text) == ("AcmeShop: acmeshop_jobs, ACMESHOP_PART, /srv/acmeshop/backend")


def test_the_title_is_the_word_by_default():
    assert checked_name("acme", None).title == "Acme"


def test_the_file_that_upgrades_need_keeps_its_name():
    assert checked_name("acme", None).given_to("Read .liftoff.toml") == "Read .liftoff.toml"


@pytest.mark.parametrize(
    "word", ["", "a", "Acme", "acme-shop", "2acme", "acme\n", "äcme", "a" * 15, "app", "liftoff"]
)
def test_an_unsuitable_name_is_refused(word):
    with pytest.raises(Problem, match=r"is not possible\. A name has 2 to 14"):
        checked_name(word, None)


@pytest.mark.parametrize("title", ["", "A", "acme", "Acme Shop", "<b>Acme", "A" * 15])
def test_an_unsuitable_title_is_refused(title):
    with pytest.raises(Problem, match=r"is not possible\. A title has 2 to 14"):
        checked_name("acme", title)

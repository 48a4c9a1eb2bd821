"""Names that are taken by Python, a database, the project's style or the code."""

from dataclasses import replace

import pytest

from scaffold.grammar import WrongField, parse
from scaffold.naming import check_feature, check_field, names_of, reserved_words
from scaffold.plan import Request, plan, refuse_hidden_imports
from scaffold.problems import Refused
from scaffold.project import Model, Project
from scaffold.rendering import render

PROJECT = Project(
    features=frozenset({"auth", "blog"}),
    tables=frozenset({"users", "blog_posts"}),
    paths=frozenset({"auth", "blog", "dev", "price-lists"}),
    routes=frozenset(),
    shapes=frozenset({"PostCreate", "MailRead"}),
    folders=frozenset({"auth", "blog", "core"}),
    models=(
        Model("auth", "User", "users", owned=False),
        Model("auth", "Session", "auth_sessions", owned=False),
        Model("auth", "_Secret", "auth_secrets", owned=False),
        Model("blog", "BlogCategory", "categories", owned=False),
    ),
    heads=("abc",),
    pages=frozenset({"audit"}),
)


def planned(fields, name="invoices", **options):
    return plan(Request(name, fields, **options), PROJECT)


@pytest.mark.parametrize(
    ("name", "plural", "reason"),
    [
        ("class", None, "word of Python"),
        ("matches", None, "word of Python"),
        ("lists", None, "hide a name"),
        ("pages", None, "hide a name"),
        ("users", None, "hide a name"),
        ("groups", None, "reserved word"),
        ("blog", "blog", "is already a feature"),
        ("core", "core", "is already a part of the project"),
        ("metrics", "metrics", "is already a part of the project"),
        ("posts", None, "PostCreate"),
        ("mails", None, "MailRead"),
        ("price_lists", None, "is already a route"),
        ("entry", "blog_posts", "is already a table"),
        ("audit", "audit", "is already a list of the admin"),
    ],
)
def test_a_taken_name_is_refused_with_a_reason(name, plural, reason):
    with pytest.raises(Refused, match=reason):
        check_feature(*names_of(name, plural), PROJECT)


TAKEN = """class None match id created_at owner owner_id sort limit date datetime str list
metadata registry changes model_x copy json order key a__b a_ _a q A 1a é a-b self
cls fields groups rank rlike analyze now today mapped_column literal_column nothing
collation portion"""


@pytest.mark.parametrize("name", [*TAKEN.split(), "x" * 41])
def test_a_field_may_not_be_called_so(name):
    with pytest.raises(WrongField):
        check_field(*parse(f"{name}:str"))


@pytest.mark.parametrize(
    "name", ["type", "hash", "code", "status", "number", "note_2", "text", "value", "position"]
)
def test_what_people_call_columns_is_allowed(name):
    check_field(*parse(f"{name}:str"))


def test_the_reserved_words_are_those_of_all_three():
    assert {"analyze", "rlike", "rank", "isnull"} <= reserved_words()


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ("", "no field"),
        ("a:str a:int", "twice"),
        ("note_1:str note1:str", "twice"),
        ("a:int:index a_from:str:index", "twice"),
        ("currency:str amount:money", "twice"),
        ("a:money(eur) b:money(usd)", "one currency"),
        ("customer:ref(auth.User) customer_id:int", "twice"),
        ("slug:slug(from=title)", "'title' is not a field"),
        ("title:str? slug:slug(from=title)", "'title' is not a field"),
        ("title:text slug:slug(from=title)", "'title' is not a field"),
        ("title:str a:slug(from=title) b:slug(from=title)", "one slug"),
        ("title:str db:slug(from=title)", "'db' would hide"),
        ("title:str invoice:slug(from=title)", "'invoice' would hide"),
        ("a:ref", "ref needs"),
        ("a:ref(auth)", "ref needs"),
        (
            "a:ref(auth.Nobody)",
            (
                "there is no model auth.Nobody. The models are auth.User, auth.Session, "
                "blog.BlogCategory\n"
            ),
        ),
        ("a:ref(auth._Secret)", "there is no model"),
        ("a:ref(invoices.Invoice)", "circle"),
        (
            "a:ref(auth.Session)",
            "the tests need a function in tests/auth/factories.py that makes a Session",
        ),
        ("owner:ref(auth.User)", "'owner_id' is a column that every row has"),
        ("created_at_from:str:index", "twice"),
        ("filters:str", "schema of the feature"),
        (" ".join(f"f{n}:str(1000)" for n in range(20)), "too wide"),
        (" ".join(f"f{n}:int:index" for n in range(51)), "so many indexes"),
        (f"{'x' * 40}:ref(auth.User)", "longer than the 63"),
    ],
)
def test_what_only_all_fields_together_show_is_refused(fields, reason):
    name = "invoices" if "x" * 40 not in fields else "order_confirmations"
    with pytest.raises(Refused, match=reason):
        planned(fields, name)


@pytest.mark.parametrize(("option", "value"), [("owner", "me"), ("public", "maybe")])
def test_an_option_has_its_values(option, value):
    with pytest.raises(Refused, match=f"{option}={value}"):
        planned("a:str", **{option: value})


def test_a_reference_may_have_the_name_of_a_reserved_word():
    assert [field.name for field in planned("order:ref(auth.User)?").fields] == ["order_id"]


def test_several_heads_are_refused():
    with pytest.raises(Refused, match="2 heads"):
        plan(Request("invoices", "a:str"), replace(PROJECT, heads=("a", "b")))


@pytest.mark.parametrize(
    ("feature", "name"),
    [
        (planned("a:int", "indexes"), "Index"),
        (planned("a:ref(blog.BlogCategory)", "blog_categories"), "BlogCategory"),
    ],
)
def test_a_class_that_would_hide_an_import_is_refused(feature, name):
    with pytest.raises(Refused, match=f"{name} would hide"):
        refuse_hidden_imports(feature, render(feature))

"""The grammar of `fields=`. Each refusal names the token and shows the grammar."""

import pytest

from scaffold.fields import field_of
from scaffold.grammar import GRAMMAR, WrongField, parse

WRONG = [
    ("x", "not a field"),
    ("x:", "no type"),
    ("x:strng", "no type"),
    ("x:strng(5", "parenthesis"),
    ("x:str)5(", "not a field"),
    ("x:str()", "empty"),
    ("x:str(a)", "1 number"),
    ("x:str(1,2)", "1 number"),
    ("x:str(0)", "1 to 1000"),
    ("x:str(1001)", "1 to 1000"),
    ("x:str(701):index", "indexes up to"),
    ("x:str(701):unique", "indexes up to"),
    ("x:str(5)y", "not a field"),
    ("x:str??", "not a field"),
    ("x:str:unique?", "not one of"),
    ("x:str:uniq", "not one of"),
    ("x:str:", "not one of"),
    ("x:str:index:index", "twice"),
    ("x:text(5)", "nothing in parentheses"),
    ("x:text:unique", "cannot be :unique"),
    ("x:json:index", "cannot be :index"),
    ("x:int:search", "cannot be :search"),
    ("x:bool:unique", "cannot be :unique"),
    ("x:str=a:uniq", "not one of"),
    ("x:str=a:", "not one of"),
    ("x:str=(a b", "parenthesis"),
    ("x:str=(a\nb)", "not a field"),
    ("x:text=", "at least 1 character"),
    ("x:text=( )", "should match pattern"),
    (f"x:text={'x' * 10_001}", "at most 10000"),
    ("x:uuid=1", "valid UUID"),
    ("x:email=nobody", "not an email address"),
    ("x:email?=nobody", "not an email address"),
    ("x:url=javascript:alert(1)", "should match pattern"),
    ("x:url=https://:", "not one of"),
    ("x:url=https://:1", "not the URL"),
    ("x:url=example.com", "should match pattern"),
    ("x:json=", "not valid JSON"),
    ("x:json=[]", "valid dictionary"),
    ('x:json={"a":NaN}', "not valid JSON"),
    ('x:json={"a":"\\u0000"}', "not valid JSON"),
    ('x:json={"a":9223372036854775808}', "not valid JSON"),
    ("x:json=" + '{"a":' * 21 + "1" + "}" * 21, "nested more than"),
    ("x:ref(auth.User)=1", "no row with that id"),
    ("x:slug(from=good)=a", "made from its field"),
    ("x:int=1:unique", "unique field has no default"),
    ("x:int=", "not a whole number"),
    ("x:int=1.5", "not a whole number"),
    ("x:int=2147483648", "not a whole number"),
    ("x:bigint=9223372036854775808", "not a whole number"),
    ("x:money=9007199254740992", "not a whole number"),
    ("x:money(EUR)", "lower-case letters"),
    ("x:money(eur,usd)", "lower-case letters"),
    ("x:str(3)=long", "1 to 3"),
    ("x:bool=yes", "neither"),
    ("x:date=2030-02-30", "day is out of range"),
    ("x:date=0999-01-01", "neither"),
    ("x:datetime=2030-01-01", "is not now"),
    ("x:decimal(16,2)", "up to 15"),
    ("x:decimal(3,3)", "up to 15"),
    ("x:decimal=1e3", "not a number"),
    ("x:decimal(3,1)=100", "not a number"),
    ("x:decimal=0.123", "not a number"),
    ("x:enum", "needs its words"),
    ("x:enum(a,a)", "twice"),
    ("x:enum(a,)", "not a word"),
    ("x:enum(A)", "not a word"),
    ("x:enum(a)=b", "not one of a"),
    (f"x:enum({'a' * 41})", "at most 40"),
    ("x:slug", "slug(from=title)"),
    ("x:slug(title)", "slug(from=title)"),
    ("x:slug(from=y)?", "always has a value"),
    ("x:slug(from=y):history:unique", "cannot be :unique"),
    ("x:str:history", "str cannot be :history"),
    ("x\n:str", "not a field"),
    ("x:str(5)\0", "cannot be printed"),
]


@pytest.mark.parametrize(("fields", "reason"), WRONG)
def test_a_wrong_field_is_named_with_a_reason_and_the_grammar(fields, reason):
    with pytest.raises(WrongField) as refused:
        [field_of(token, "Thing") for token in parse(f"good:str {fields}")]
    head, _, rest = str(refused.value).partition("\n\n")
    assert reason in head
    assert repr(fields.split()[0])[1:-1] in head
    assert rest == GRAMMAR


def test_grammar_and_known_types_agree():
    from scaffold.kinds import KINDS

    assert [kind for kind in KINDS if f" {kind}" not in GRAMMAR] == []


def test_spaces_in_parentheses_and_around_fields_do_not_matter():
    tokens = parse("  status:enum(draft, paid)=draft:index   rate:decimal( 8 , 3 )? ")
    assert [(token.name, token.arguments, token.optional, token.default) for token in tokens] == [
        ("status", ("draft", "paid"), False, "draft"),
        ("rate", ("8", "3"), True, None),
    ]
    assert tokens[0].flags == {"index"}


@pytest.mark.parametrize(
    ("field", "default", "flags"),
    [
        ("x:url=https://a.example:8080/:index", "https://a.example:8080/", {"index"}),
        ('x:json={"a":{"b":true}}', '{"a":{"b":true}}', set()),
        ("x:str?=(to be (or not)):search:index", "to be (or not)", {"search", "index"}),
        ("x:str=(a)or(b)", "(a)or(b)", set()),
        ("x:str=12:30", "12:30", set()),
        ("x:str(9)=a=b:unique", "a=b", {"unique"}),
        ("x:str=", "", set()),
    ],
)
def test_a_default_may_hold_colons_and_spaces_up_to_the_flags(field, default, flags):
    (token,) = parse(field)
    assert (token.default, token.flags) == (default, flags)


@pytest.mark.parametrize(
    ("field", "wire", "server"),
    [
        ("x:email=Ada@Example.COM", "'ada@example.com'", "'ada@example.com'"),
        ("x:url=https://Example.com", "'https://example.com/'", "'https://example.com/'"),
        ("x:text=(it\u2019s 5%)", "'it\\u2019s 5%'", "TextDefault('it\\u2019s 5%')"),
        (f"x:uuid={'0' * 30}AB", "'00000000-0000-0000-0000-0000000000ab'", f"'{'0' * 30}ab'"),
        (
            'x:json={"a":[true,null]}',
            "{'a': [True, None]}",
            """TextDefault('{"a": [true, null]}')""",
        ),
        ("x:json={}", "{}", "TextDefault('{}')"),
    ],
)
def test_a_default_is_what_a_clients_value_would_be_kept_as(field, wire, server):
    (token,) = parse(field)
    default = field_of(token, "Thing").default
    assert default
    assert (default.wire, default.server) == (wire, server)

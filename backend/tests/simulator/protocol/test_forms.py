import pytest

from simulator.protocol.errors import StripeError
from simulator.protocol.forms import decode_form


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("", {}),
        ("email=ada%40example.com&name=", {"email": "ada@example.com", "name": ""}),
        ("metadata[a]=1&metadata[b+c]=2", {"metadata": {"a": "1", "b c": "2"}}),
        (
            "items[0][price]=p&items[1][price]=q",
            {"items": {"0": {"price": "p"}, "1": {"price": "q"}}},
        ),
        ("expand[]=a&expand[]=b", {"expand": {"0": "a", "1": "b"}}),
        ("items%5B0%5D%5Bprice%5D=p", {"items": {"0": {"price": "p"}}}),
        ("name=a&name=b", {"name": "b"}),
    ],
)
def test_names_with_brackets_nest(text, form):
    assert decode_form(text) == form


@pytest.mark.parametrize(
    "text", ["a[=1", "[a]=1", "a]b=1", "a=1&a[b]=2", "a" + "[b]" * 20 + "=1", "name=%ff"]
)
def test_names_that_are_none_are_refused(text):
    with pytest.raises(StripeError) as refused:
        decode_form(text)
    assert refused.value.status == 400

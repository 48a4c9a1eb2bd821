"""The templates are valid Jinja, and their output is Python in the project's style."""

import subprocess
import sys
from itertools import product

import pytest
from jinja2 import meta

from app.core.config import BACKEND
from scaffold.plan import Request, plan
from scaffold.rendering import TEMPLATES, environment, formatted, render
from tests.scaffold.test_names import PROJECT

FULL = (
    "number:str(32):unique title:str(80):index:search slug:slug(from=title) notes:text?:search "
    "amount:money(eur) weight:decimal(8,3):index rate:decimal=1.5 tiny:int=3 big:bigint?:index "
    "paid:bool=false:index day:date=today:index due_at:datetime?:index at:datetime=now "
    "status:enum(draft,paid)=draft:index meta:json? token:uuid?:unique guest:email:index "
    "site:url? customer:ref(auth.User) helper:ref(auth.User)?"
)
WORDS = ",".join(f"word_number_{number}" for number in range(12))
DEFAULTS = (
    "remark:text=(it's 5% \\ {a}|b) host:email=Ada@example.com:index "
    "home:url=https://example.com:index "
    'mark:uuid=6ba7b8109dad11d180b400c04fd430c8:index options:json={"a":[true,null]} bare:json={} '
)
NULLABLE_DEFAULTS = (
    "line:str?=one:index words_2:text?=(two words) int_2:int?=3:index big_2:bigint?=4 "
    "part:decimal?=0.5 "
    "cents:money(eur)?=1 sure:bool?=true:index day_2:date?=2030-01-01:index begun_on:date?=today "
    "at_2:datetime?=now:index temper:enum(good,bad)?=good host_2:email?=a@example.com "
    "home_2:url?=https://example.com "
    'mark_2:uuid?=6ba7b8109dad11d180b400c04fd430c8:index options_2:json?={"a":1} '
)
ODD = (
    f"""dash:str=a\u2013b quotes:str='"\\ whole:decimal(5,0)=5 words:enum({WORDS})=word_number_1"""
)
FIELDS = {"full": FULL, "one": "title:str", "optional": "notes:text?", "odd": ODD}
FIELDS |= {"defaults": DEFAULTS, "nullable-defaults": NULLABLE_DEFAULTS}
# Long names make sentences too long for a line.
NAMES = ("order_lines", "subscriptions", "customer_subscription_notes", f"{'a' * 14}_{'b' * 14}s")
ACCESS = tuple(product(("user", "none"), ("yes", "no")))
VARIANTS = [
    pytest.param("estimates", fields, *access, id="-".join([name, *access]))
    for (name, fields), access in product(FIELDS.items(), ACCESS)
]
VARIANTS += [
    pytest.param(name, FIELDS["one"], *access, id="-".join([name, *access]))
    for name, access in product(NAMES, ACCESS)
]


@pytest.mark.parametrize("template", sorted(TEMPLATES.rglob("*.jinja")), ids=lambda path: path.stem)
def test_a_template_takes_the_feature_and_nothing_else(template):
    tree = environment.parse(template.read_text("utf-8"))
    given = {"f", "t"} if template.parent.name == "tests" else {"f"}
    assert meta.find_undeclared_variables(tree) <= given


@pytest.mark.parametrize(("feature", "fields", "owner", "public"), VARIANTS)
def test_what_is_made_passes_ruff_and_needs_no_silence(tmp_path, feature, fields, owner, public):
    files = formatted(render(plan(Request(feature, fields, owner, public), PROJECT)))
    assert not any(
        word in text
        for text in files.values()
        for word in ("noqa", "type: ignore", "TODO", "pragma")
    )
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    (tmp_path / "pyproject.toml").write_text(
        (BACKEND / "pyproject.toml").read_text("utf-8"), "utf-8"
    )
    for options in (["check"], ["format", "--check"]):
        command = [sys.executable, "-m", "ruff", *options, "--no-cache", "app", "tests"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
    assert all(
        len(text.splitlines()) <= 300 for name, text in files.items() if name.startswith("app/")
    )


def test_the_page_tells_what_lists_take_and_what_goes_with_what():
    files = render(plan(Request("estimates", FULL), PROJECT))
    lines = files["docs/features/estimates.md"].splitlines()
    remarks = {
        line.split("`")[1]: line.rpartition("|")[0].rpartition("|")[2].strip()
        for line in lines
        if "| `" in line
    }
    defaults = render(plan(Request("estimates", DEFAULTS), PROJECT))["docs/features/estimates.md"]
    assert r"| `remark` | `text` | default `it's 5% \ {a}\|b` |" in defaults
    assert remarks["due_at"] == "may be null, filtered and sorted"
    assert remarks["paid"] == "default `false`, filtered and sorted"
    assert remarks["customer_id"] == "required, filtered and sorted, deleted with that row"
    assert (
        remarks["helper_id"] == "may be null, filtered and sorted, null after that row is deleted"
    )


def test_public_reads_are_cached_and_others_are_not():
    def router(public):
        request = Request("notes", "title:str(40) slug:slug(from=title)", "user", public)
        return formatted(render(plan(request, PROJECT)))["app/routers/notes/router.py"]

    assert router("yes").count("\n@cached(Note)\n") == 3
    assert "cache" not in router("no")

"""Makes and removes features with every type of field and every option. After the
removal, `git status` is empty again.
"""

import os
import re
import shutil
from itertools import product

import pytest

from app.core.config import BACKEND
from scaffold.plan import Request, plan
from scaffold.rendering import render, write
from tests.scaffold.test_names import PROJECT
from tests.scaffold.test_templates import DEFAULTS, FULL, NULLABLE_DEFAULTS

pytestmark = [pytest.mark.only("sqlite"), pytest.mark.slow]  # the copy has its own databases

EVERYTHING = FULL.replace(
    "helper:ref(auth.User)?", "category:ref(blog.BlogCategory)? post:ref(blog.BlogPost)?"
)
LATER = DEFAULTS + (
    "code:str(12)?:unique price:money=0 stars:int=3:index fresh:bool=true "
    "open_on:date=2030-01-01:index mood:enum(good,bad)=good:index extra:json? "
    "peer:ref(auth.User)? rating:decimal(4,1)=2.5:index words:text? "
    'size:int?=3:index seen_at:datetime?=now choices:json?={"a":1}'
)
OPTIONS = dict(
    zip(
        ("alphas", "betas", "deltas", "omegas"),
        product(("user", "none"), ("yes", "no")),
        strict=True,
    )
)
HOUSE = [
    "tests/test_architecture.py",
    "tests/test_openapi.py",
    "tests/platform/test_hostile_input.py",
]
MYPY_CACHE = BACKEND / ".mypy_cache"
PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider")


def run_tests(tree, kind, *names):
    """Run the tests of these features with full branch coverage, on one database."""
    variable = {"postgresql": "POSTGRES_TEST_URL", "mysql": "MYSQL_TEST_URL"}.get(kind)
    if variable and not os.environ.get(variable):
        assert not os.environ.get("REQUIRE_SERVICES")
        return
    coverage = [f"--cov=app/routers/{name}" for name in names if kind == "sqlite"]
    coverage += ["--cov-branch", "--cov-fail-under=100"] if coverage else []
    label = f"{os.environ.get('LIFTOFF_TEST_LABEL', '')}{names[0]}"
    said = tree.runs(
        *PYTEST,
        f"--database={kind}",
        *coverage,
        *(f"tests/{name}" for name in names),
        LIFTOFF_TEST_LABEL=label,
    )
    assert " passed" in said


def every_type(tree):
    """Make a feature with every type of field.

    Some fields are added after a developer has added a rule by hand.
    """
    tree.made("feature", name="estimates", fields=EVERYTHING)
    tree.runs("-m", "alembic", "upgrade", "head")
    ours = add_a_rule(tree)
    tree.made("field", name="estimates", fields=LATER)
    assert ours in (tree.backend / "app/routers/estimates/service.py").read_text("utf-8")
    again = tree.scaffold("field", name="estimates", fields="code:str?")
    assert (again.returncode, "already exists" in again.stderr) == (1, True)
    return ["estimates"]


def every_option(tree):
    """Make a feature for each combination of the options owner and public. Each feature
    refers to the previous one.
    """
    fields = f"title:str(40):search slug:slug(from=title):history {NULLABLE_DEFAULTS}"
    for name, (owner, public) in OPTIONS.items():
        tree.made("feature", name=name, fields=fields, owner=owner, public=public)
        one = name.removesuffix("s")
        fields = f"title:str(40):unique {one}:ref({name}.{one.capitalize()})?"
    return list(OPTIONS)


def every_parent(tree):
    """Make features under public, private and nested parents, with and without
    owners.
    """
    tree.made("feature", name="forums", fields="name:str(40):unique", owner="none", public="yes")
    tree.made(
        "feature",
        name="threads",
        fields="title:str(80):search slug:slug(from=title):history",
        parent="forums",
        public="yes",
    )
    tree.made(
        "feature",
        name="replies",
        fields="word:str(80):unique",
        parent="threads",
        owner="none",
        public="yes",
    )
    tree.made("feature", name="jottings", fields="text:str(80):index")
    tree.made(
        "feature",
        name="remarks",
        fields="word:str(80):unique slug:slug(from=word):history",
        parent="jottings",
    )
    tree.made("feature", name="comments", fields="text:str(80):index", parent="blog.BlogPost")
    return ["forums", "threads", "replies", "jottings", "remarks", "comments"]


LONG = [pytest.param(make, marks=pytest.mark.long) for make in (every_option, every_parent)]


@pytest.mark.parametrize("make", [every_type, *LONG])
def test_from_the_command_to_no_trace(repository, make):
    """The test runs lint, mypy, the tests on three databases, schemathesis and the
    migrations, and removes the features again.
    """
    repository.runs("-m", "alembic", "upgrade", "head")
    names = make(repository)
    repository.runs("-m", "ruff", "check", ".")
    repository.runs("-m", "ruff", "format", "--check", ".")
    if MYPY_CACHE.is_dir():  # reuse what `make types` has cached about the other files
        shutil.copytree(MYPY_CACHE, repository.backend / MYPY_CACHE.name)
    repository.runs(
        "-m", "mypy", *(f"{place}/{name}" for name in names for place in ("app/routers", "tests"))
    )
    repository.runs("-m", "tools.check_migrations")
    for kind in ("sqlite", "postgresql", "mysql"):
        run_tests(repository, kind, *names)
    repository.runs(*PYTEST, *HOUSE, "-k", f"not hostile or {names[0]}")
    keeps_to_its_document(repository, names)

    for command in (
        ("upgrade", "head"),
        ("check",),
        ("downgrade", f"-{len(names)}"),
        ("upgrade", "head"),
    ):
        repository.runs("-m", "alembic", *command)
    for name in reversed(names):
        repository.made("remove", name=name, yes="1")
    assert repository.status == [" M backend/tests/test_schemathesis.py"]  # narrowed above
    repository.runs("-m", "alembic", "check")


def add_a_rule(tree):
    """Add a rule by hand, as a developer would."""
    service = tree.backend / "app/routers/estimates/service.py"
    text = service.read_text("utf-8")
    rule = "    estimate.notes = None  # nothing of it outlives it\n"
    changed = text.replace("    delete_row(", f"{rule}    delete_row(", 1)
    assert changed != text
    service.write_text(changed, "utf-8")
    return rule


def keeps_to_its_document(tree, names):
    """Run the project's schemathesis test on these routes only, with more examples."""
    suite = tree.backend / "tests" / "test_schemathesis.py"
    text = suite.read_text("utf-8")
    runs = f'RUNS = [["--include-path-regex=^/({"|".join(names)})"]]'
    narrowed = re.sub(r"^RUNS = .*$", runs, text, count=1, flags=re.MULTILINE)
    asked = 'cases("superuser", examples=8) > 50'
    longer = re.sub(
        r'cases\("superuser", examples=2\) > .*$', asked, narrowed, count=1, flags=re.MULTILINE
    )
    assert runs in longer
    assert asked in longer
    suite.write_text(longer, "utf-8")
    test = "tests/test_schemathesis.py::test_the_server_keeps_to_its_document"
    assert "1 passed" in tree.runs("-m", "pytest", "-q", "-p", "no:cacheprovider", test)


def test_ten_features_at_once_start_quickly(repository):
    """The start takes at most three times as long as the import of its libraries.

    The test measures the processor time of the start and of the import alternately,
    because other work may use the machine. On an idle machine of 2026, importing the
    libraries takes 0.7 seconds.
    """
    for letter in "abcdefghij":
        request = Request(
            f"{letter}zings",
            "title:str(80):index amount:money done:bool=false due_at:datetime?:index",
        )
        write(render(plan(request, PROJECT)), repository.backend)
    libraries = "import alembic, email_validator, fastapi, joserfc, sqlalchemy.orm, structlog; "
    print_used = "import resource; used = resource.getrusage(resource.RUSAGE_SELF); "
    print_used += "print(used.ru_utime + used.ru_stime); "
    # The document is generated after the start, when a client asks for it.
    start = "import app.main; " + print_used
    start += "paths = app.main.app.openapi()['paths']; assert len(paths) > 20"
    times = [
        [float(repository.runs("-c", program)) for program in (libraries + print_used, start)]
        for _ in range(5)
    ]
    imported, started = (min(column) for column in zip(*times, strict=True))
    assert started < 3 * imported, times

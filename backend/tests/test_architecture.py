"""The code keeps the architecture rules (`tests/support/architecture`)."""

from collections import defaultdict

import pytest

from app.core.config import BACKEND, ROOT
from app.core.errors import AppError, all_errors
from app.main import app
from tests.support import architecture as rules
from tests.support.architecture import Module

MODULES = {package: rules.modules(BACKEND, package) for package in rules.RULE_BOOK}
RULES = [(package, rule) for package, book in rules.RULE_BOOK.items() for rule in book]


@pytest.mark.parametrize(
    ("package", "rule"), RULES, ids=[f"{package} {rule.__name__}" for package, rule in RULES]
)
def test_the_package_keeps_the_rule(package, rule):
    assert [
        f"{module.name}: {complaint}" for module in MODULES[package] for complaint in rule(module)
    ] == []


def test_the_image_of_production_has_no_simulator():
    sent = [
        line for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")
    ]
    assert sent == [
        "!requirements.txt",
        "!backend/app",
        "!backend/docs/llms.txt",
        "!backend/alembic",
        "!backend/alembic.ini",
        "!backend/plans.toml",
        "!backend/currencies.toml",
        "!backend/simulator",  # only the Dockerfile's simulator target copies this
    ]
    last_target = (BACKEND / "Dockerfile").read_text().rpartition("FROM ")[2]
    assert "simulator" not in last_target


def test_features_do_not_import_each_other_in_a_circle():
    assert rules.cycle_of_features(MODULES["app"]) is None
    circle = [
        Module("app.routers.one.models", "from app.routers.two.models import Two"),
        Module("app.routers.two.models", "from app.routers.one.models import One"),
    ]
    assert set(rules.cycle_of_features(circle) or []) == {"one", "two"}


def operations():
    for path, methods in app.openapi()["paths"].items():
        for method, operation in methods.items():
            yield f"{method} {path}", operation


def without_header(method, name, *, creating=False):
    """Return the operations of a method that do not document the header."""
    return [
        label
        for label, operation in operations()
        if label.startswith(f"{method} ")
        and (not creating or {"201", "202"} & set(operation["responses"]))
        and name not in [parameter["name"] for parameter in operation.get("parameters", [])]
    ]


def test_every_put_takes_if_match_and_every_create_a_key():
    assert without_header("put", "If-Match") == []
    assert without_header("post", "Idempotency-Key", creating=True) == []
    assert without_header("post", "If-Match") != []
    assert without_header("get", "Idempotency-Key") != []


def ambiguous(errors):
    """Return the error codes that have more than one status."""
    statuses = defaultdict(set)
    for error in errors:
        statuses[error.code].add(error.status)
    return {code for code, found in statuses.items() if len(found) > 1}


def test_a_code_has_one_status():
    ours = [error for error in all_errors() if error.__module__.startswith("app.")]
    assert ambiguous(ours) == set()
    wrong = type("Wrong", (), {"code": "stale", "status": 409})
    assert ambiguous([*ours, wrong]) == {"stale"}


def test_every_error_of_a_feature_has_a_code_of_its_own():
    bases = {error.code for error in all_errors() if error.__module__ == "app.core.errors"}
    features = [
        e
        for e in all_errors(AppError)
        if e.__module__.startswith("app.routers.") and e.__name__[0] != "_"
    ]
    assert features
    assert [error.__name__ for error in features if error.code in bases] == []

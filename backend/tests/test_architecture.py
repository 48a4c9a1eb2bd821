"""The house keeps its rules (`tests/support/architecture.py`), and each rule bites."""

from collections import defaultdict

import pytest

from app.core.config import BACKEND, ROOT
from app.core.errors import AppError, all_errors
from app.main import app
from tests.support import architecture as rules
from tests.support.architecture import Module

MODULES = rules.modules(BACKEND)
SIMULATOR = rules.modules(BACKEND, "simulator")
LONG = "\n".join(["    pass"] * 41)

BAD = [
    (rules.layers_point_one_way, "app.core.x", "from app.db.database import Base"),
    (rules.layers_point_one_way, "app.db.x", "import app.platform.routing"),
    (rules.layers_point_one_way, "app.platform.x", "from app.routers.auth.models import User"),
    (rules.layers_point_one_way, "app.platform.x", "def f():\n    from app.routers import auth"),
    (rules.layers_point_one_way, "app.routers.blog.x", "from app.main import app"),
    (
        rules.parts_of_a_feature_point_one_way,
        "app.routers.blog.models",
        "from .schemas import PostRead",
    ),
    (rules.parts_of_a_feature_point_one_way, "app.routers.blog.schemas", "from . import service"),
    (rules.parts_of_a_feature_point_one_way, "app.routers.blog.security", "from . import service"),
    (
        rules.parts_of_a_feature_point_one_way,
        "app.routers.blog.queries",
        "from .dependencies import OwnPost",
    ),
    (
        rules.parts_of_a_feature_point_one_way,
        "app.routers.blog.service",
        "import app.routers.blog.router",
    ),
    (
        rules.parts_of_a_feature_point_one_way,
        "app.routers.blog.dependencies",
        "from . import router",
    ),
    (rules.parts_of_a_feature_point_one_way, "app.routers.auth.mfa.totp", "from . import routes"),
    (
        rules.parts_of_a_feature_point_one_way,
        "app.routers.auth.mfa.totp",
        "from app.routers.auth.mfa.routes import x",
    ),
    (
        rules.parts_of_a_feature_point_one_way,
        "app.routers.auth.mfa.totp",
        "from app.routers.auth.router import router",
    ),
    (
        rules.parts_of_a_feature_point_one_way,
        "app.routers.auth.google.gateway",
        "from . import journey",
    ),
    (
        rules.features_meet_at_models_and_dependencies,
        "app.routers.blog.x",
        "from app.routers.auth.service import f",
    ),
    (
        rules.features_meet_at_models_and_dependencies,
        "app.routers.blog.x",
        "from app.routers import auth",
    ),
    (
        rules.features_meet_at_models_and_dependencies,
        "app.routers.blog.x",
        "from ..auth import security",
    ),
    (
        rules.features_meet_at_models_and_dependencies,
        "app.routers.auth.x",
        "from app.routers.blog.models import Post",
    ),
    (rules.rules_know_no_web, "app.routers.blog.service", "from fastapi import HTTPException"),
    (
        rules.rules_know_no_web,
        "app.routers.blog.categories",
        "from starlette.requests import Request",
    ),
    (rules.rules_know_no_web, "app.routers.auth.security", "import fastapi"),
    (rules.rules_know_no_web, "app.routers.auth.mfa.totp", "import fastapi"),
    (
        rules.libraries_stay_in_their_place,
        "app.routers.auth.service",
        "from passlib.context import CryptContext",
    ),
    (rules.libraries_stay_in_their_place, "app.core.keys", "from joserfc import jwt"),
    (rules.libraries_stay_in_their_place, "app.routers.payments.service", "import stripe"),
    (
        rules.routes_are_plain_functions,
        "app.routers.blog.router",
        "@router.get('')\nasync def f(): ...",
    ),
    (
        rules.routes_are_plain_functions,
        "app.routers.blog.dependencies",
        "async def f(x):\n    service.get(x)",
    ),
    (rules.routes_are_plain_functions, "app.platform.x", "async def f(db: db_dependency): ..."),
    (
        rules.get_db_alone_ends_transactions,
        "app.routers.blog.service",
        "def f(db):\n    db.commit()",
    ),
    (
        rules.get_db_alone_ends_transactions,
        "app.routers.blog.service",
        "def f(db):\n    db.session.rollback()",
    ),
    (
        rules.chains_ask_an_outside_service,
        "app.routers.blog.service",
        "from app.db.database import commit_step",
    ),
    (
        rules.chains_ask_an_outside_service,
        "app.routers.blog.service",
        "from app.db import database\ndef f(db):\n    database.commit_step(db)",
    ),
    (
        rules.chains_ask_an_outside_service,
        "app.routers.payments.service",
        "from app.db.database import commit_step as x\nfrom app.routers.auth.google import gateway",
    ),
    (
        rules.features_raise_their_own_errors,
        "app.routers.blog.router",
        "from fastapi import HTTPException",
    ),
    (
        rules.features_raise_their_own_errors,
        "app.routers.blog.router",
        "raise fastapi.HTTPException(404)",
    ),
    (
        rules.sessions_come_from_db_dependency,
        "app.routers.blog.router",
        "def f(db=Depends(get_db)): ...",
    ),
    (
        rules.sessions_come_from_db_dependency,
        "app.platform.x",
        "X = fastapi.Depends(dependency=database.get_db)",
    ),
    (
        rules.simulator_stands_apart,
        "app.routers.payments.gateway",
        "from simulator.app import create_app",
    ),
    (rules.simulator_stands_apart, "simulator.state.x", "def f():\n    import app.core.config"),
    (
        rules.parts_of_the_simulator_point_one_way,
        "simulator.state.x",
        "from simulator.billing import cards",
    ),
    (
        rules.parts_of_the_simulator_point_one_way,
        "simulator.billing.x",
        "import simulator.resources.prices",
    ),
    (
        rules.rows_have_the_clock_of_the_database,
        "app.routers.blog.models",
        "from app.core.types import utc_now",
    ),
    (rules.rows_have_the_clock_of_the_database, "app.platform.x", "X = datetime.now(UTC)"),
    (rules.rows_have_the_clock_of_the_database, "app.db.x", "X = func.now()"),
    (
        rules.relationships_name_their_loads,
        "app.routers.blog.models",
        "author: Mapped[User] = relationship()",
    ),
    (
        rules.relationships_name_their_loads,
        "app.routers.blog.models",
        "x = orm.relationship(User, lazy='select')",
    ),
    (
        rules.relationships_name_their_loads,
        "app.db.x",
        "x = relationship(lazy='raise', backref='posts')",
    ),
    (rules.files_are_short, "app.core.x", "\n" * 301),
    (rules.functions_are_short, "app.core.x", f"def f():\n{LONG}"),
]
GOOD = [
    (rules.layers_point_one_way, "app.db.x", "from app.core.config import get_settings"),
    (
        rules.parts_of_a_feature_point_one_way,
        "app.routers.blog.dependencies",
        "from . import categories, service",
    ),
    (
        rules.parts_of_a_feature_point_one_way,
        "app.routers.blog.categories",
        "from .service import SlugTaken",
    ),
    (
        rules.features_meet_at_models_and_dependencies,
        "app.routers.blog.x",
        "from app.routers.auth.models import User",
    ),
    (
        rules.features_meet_at_models_and_dependencies,
        "app.routers.auth.x",
        "from app.routers.auth import service",
    ),
    (rules.rules_know_no_web, "app.routers.blog.router", "from fastapi import Request"),
    (rules.rules_know_no_web, "app.routers.auth.mfa.routes", "from fastapi import Request"),
    (
        rules.parts_of_a_feature_point_one_way,
        "app.routers.auth.mfa.routes",
        "from app.routers.auth.dependencies import x",
    ),
    (rules.libraries_stay_in_their_place, "app.routers.payments.gateway.client", "import stripe"),
    (
        rules.routes_are_plain_functions,
        "app.platform.monitoring.health",
        "@router.get('')\nasync def live(): ...",
    ),
    (
        rules.routes_are_plain_functions,
        "app.routers.auth.dependencies",
        "async def f(x):\n    raise service.NotYours",
    ),
    (
        rules.chains_ask_an_outside_service,
        "app.routers.payments.selling.checkout",
        "from app.db.database import commit_step\nfrom app.routers.payments import gateway",
    ),
    (
        rules.chains_ask_an_outside_service,
        "app.routers.auth.google.journey",
        "from app.db.database import commit_step\nfrom .gateway import GoogleFailed",
    ),
    (rules.simulator_stands_apart, "app.core.x", "import app.simulator_like"),
    (
        rules.parts_of_the_simulator_point_one_way,
        "simulator.resources.x",
        "from simulator.billing import cards",
    ),
    (
        rules.rows_have_the_clock_of_the_database,
        "app.routers.auth.security",
        "from app.core.types import utc_now",
    ),
    (
        rules.relationships_name_their_loads,
        "app.routers.blog.models",
        "x = relationship(lazy='raise_on_sql')",
    ),
    (rules.functions_are_short, "app.core.x", f'def f():\n    """{LONG}"""'),
]


@pytest.mark.parametrize("rule", rules.RULE_BOOK, ids=lambda rule: rule.__name__)
def test_the_application_keeps_the_rule(rule):
    assert [f"{module.name}: {complaint}" for module in MODULES for complaint in rule(module)] == []


@pytest.mark.parametrize("rule", rules.RULES_OF_THE_SIMULATOR, ids=lambda rule: rule.__name__)
def test_the_simulator_keeps_the_rule(rule):
    assert [
        f"{module.name}: {complaint}" for module in SIMULATOR for complaint in rule(module)
    ] == []


def test_the_image_of_production_has_no_simulator():
    sent = [
        line for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")
    ]
    assert sent == [
        "!requirements.txt",
        "!backend/app",
        "!backend/alembic",
        "!backend/alembic.ini",
        "!backend/plans.toml",
        "!backend/currencies.toml",
        "!backend/simulator",  # for a target of its own
    ]
    last_target = (BACKEND / "Dockerfile").read_text().rpartition("FROM ")[2]
    assert "simulator" not in last_target


@pytest.mark.parametrize(("rule", "name", "source"), BAD)
def test_the_rule_bites(rule, name, source):
    assert list(rule(Module(name, source))) != []


@pytest.mark.parametrize(("rule", "name", "source"), GOOD)
def test_the_rule_lets_pass_what_is_right(rule, name, source):
    assert list(rule(Module(name, source))) == []


def test_a_lazy_relationship_is_told_the_line_to_write():
    module = Module(
        "app.routers.blog.models", "author: Mapped[User] = relationship(foreign_keys=[author_id])"
    )
    (complaint,) = rules.relationships_name_their_loads(module)
    assert 'Write relationship(foreign_keys=[author_id], lazy="raise")' in complaint


def test_every_rule_has_been_seen_to_bite():
    assert {rule for rule, _, _ in BAD} == {*rules.RULE_BOOK, *rules.RULES_OF_THE_SIMULATOR}


def test_features_do_not_import_each_other_in_a_circle():
    assert rules.cycle_of_features(MODULES) is None
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
    """Operations of a method that do not document the header."""
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
    """Codes that stand for more than one status."""
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

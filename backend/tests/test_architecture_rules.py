"""Each architecture rule finds a fault, and accepts correct code."""

import pytest

from tests.support import architecture as rules
from tests.support.architecture import Module

LONG = "\n".join(["    pass"] * 41)
NEWLINES = "\n" * 301

BAD = {
    rules.layers_point_one_way: [
        ("app.core.x", "from app.db.database import Base"),
        ("app.db.x", "import app.platform.routing"),
        ("app.platform.x", "from app.routers.auth.models import User"),
        ("app.platform.x", "def f():\n    from app.routers import auth"),
        ("app.routers.blog.x", "from app.main import app"),
    ],
    rules.parts_of_a_feature_point_one_way: [
        ("app.routers.blog.models", "from .schemas import PostRead"),
        ("app.routers.blog.schemas", "from . import service"),
        ("app.routers.blog.security", "from . import service"),
        ("app.routers.blog.queries", "from .dependencies import OwnPost"),
        ("app.routers.blog.service", "import app.routers.blog.router"),
        ("app.routers.blog.dependencies", "from . import router"),
        ("app.routers.auth.mfa.totp", "from . import routes"),
        ("app.routers.auth.mfa.totp", "from app.routers.auth.mfa.routes import x"),
        ("app.routers.auth.mfa.totp", "from app.routers.auth.router import router"),
        ("app.routers.auth.google.gateway", "from . import journey"),
    ],
    rules.features_meet_at_models_and_dependencies: [
        ("app.routers.blog.x", "from app.routers.auth.service import f"),
        ("app.routers.blog.x", "from app.routers import auth"),
        ("app.routers.blog.x", "from ..auth import security"),
        ("app.routers.auth.x", "from app.routers.blog.models import Post"),
    ],
    rules.rules_know_no_web: [
        ("app.routers.blog.service", "from fastapi import HTTPException"),
        ("app.routers.blog.categories", "from starlette.requests import Request"),
        ("app.routers.auth.security", "import fastapi"),
        ("app.routers.auth.mfa.totp", "import fastapi"),
    ],
    rules.libraries_stay_in_their_place: [
        ("app.routers.auth.service", "from passlib.context import CryptContext"),
        ("app.core.keys", "from joserfc import jwt"),
        ("app.routers.payments.service", "import stripe"),
    ],
    rules.routes_are_plain_functions: [
        ("app.routers.blog.router", "@router.get('')\nasync def f(): ..."),
        ("app.routers.blog.dependencies", "async def f(x):\n    service.get(x)"),
        ("app.platform.x", "async def f(db: db_dependency): ..."),
    ],
    rules.get_db_alone_ends_transactions: [
        ("app.routers.blog.service", "def f(db):\n    db.commit()"),
        ("app.routers.blog.service", "def f(db):\n    db.session.rollback()"),
    ],
    rules.chains_ask_an_outside_service: [
        ("app.routers.blog.service", "from app.db.database import commit_step"),
        (
            "app.routers.blog.service",
            "from app.db import database\ndef f(db):\n    database.commit_step(db)",
        ),
        (
            "app.routers.payments.service",
            (
                "from app.db.database import commit_step as x\n"
                "from app.routers.auth.google import gateway"
            ),
        ),
    ],
    rules.features_raise_their_own_errors: [
        ("app.routers.blog.router", "from fastapi import HTTPException"),
        ("app.routers.blog.router", "raise fastapi.HTTPException(404)"),
    ],
    rules.sessions_come_from_db_dependency: [
        ("app.routers.blog.router", "def f(db=Depends(get_db)): ..."),
        ("app.platform.x", "X = fastapi.Depends(dependency=database.get_db)"),
    ],
    rules.simulator_stands_apart: [
        ("app.routers.payments.gateway", "from simulator.app import create_app"),
        ("simulator.state.x", "def f():\n    import app.core.config"),
    ],
    rules.parts_of_the_simulator_point_one_way: [
        ("simulator.state.x", "from simulator.billing import cards"),
        ("simulator.billing.x", "import simulator.resources.prices"),
    ],
    rules.rows_have_the_clock_of_the_database: [
        ("app.routers.blog.models", "from app.core.types import utc_now"),
        ("app.platform.x", "X = datetime.now(UTC)"),
        ("app.db.x", "X = func.now()"),
    ],
    rules.relationships_name_their_loads: [
        ("app.routers.blog.models", "author: Mapped[User] = relationship()"),
        ("app.routers.blog.models", "x = orm.relationship(User, lazy='select')"),
        ("app.db.x", "x = relationship(lazy='raise', backref='posts')"),
    ],
    rules.no_test_reaches_private_names: [
        ("tests.auth.x", "from app.routers.auth.google.identities import _adopt"),
        (
            "tests.auth.x",
            'from app.routers.auth.google import identities\nhold(identities, "_adopt")',
        ),
        ("tests.auth.x", "from app.routers.auth.google import identities\nidentities._adopt()"),
        ("tests.payments.x", 'POINT = "before app.db.database:_end"'),
        (
            "tests.simulator.x",
            'from simulator.state.file import StateFile\nsetattr(StateFile, "_shrink", None)',
        ),
    ],
    rules.files_are_short: [
        ("app.core.x", "\n" * 301),
        ("app.core.x", f"X = [{NEWLINES}]"),
        ("tests.core.test_x", NEWLINES),
    ],
    rules.functions_are_short: [
        ("app.core.x", f"def f():\n{LONG}"),
    ],
}
GOOD = {
    rules.layers_point_one_way: [
        ("app.db.x", "from app.core.config import get_settings"),
    ],
    rules.parts_of_a_feature_point_one_way: [
        ("app.routers.blog.dependencies", "from . import categories, service"),
        ("app.routers.blog.categories", "from .service import SlugTaken"),
        ("app.routers.auth.mfa.routes", "from app.routers.auth.dependencies import x"),
    ],
    rules.features_meet_at_models_and_dependencies: [
        ("app.routers.blog.x", "from app.routers.auth.models import User"),
        ("app.routers.auth.x", "from app.routers.auth import service"),
    ],
    rules.rules_know_no_web: [
        ("app.routers.blog.router", "from fastapi import Request"),
        ("app.routers.auth.mfa.routes", "from fastapi import Request"),
    ],
    rules.libraries_stay_in_their_place: [
        ("app.routers.payments.gateway.client", "import stripe"),
    ],
    rules.routes_are_plain_functions: [
        ("app.platform.monitoring.health", "@router.get('')\nasync def live(): ..."),
        ("app.routers.auth.dependencies", "async def f(x):\n    raise service.NotYours"),
    ],
    rules.chains_ask_an_outside_service: [
        (
            "app.routers.payments.selling.checkout",
            "from app.db.database import commit_step\nfrom app.routers.payments import gateway",
        ),
        (
            "app.routers.auth.google.journey",
            "from app.db.database import commit_step\nfrom .gateway import GoogleFailed",
        ),
    ],
    rules.simulator_stands_apart: [
        ("app.core.x", "import app.simulator_like"),
    ],
    rules.parts_of_the_simulator_point_one_way: [
        ("simulator.resources.x", "from simulator.billing import cards"),
    ],
    rules.rows_have_the_clock_of_the_database: [
        ("app.routers.auth.security", "from app.core.types import utc_now"),
    ],
    rules.relationships_name_their_loads: [
        ("app.routers.blog.models", "x = relationship(lazy='raise_on_sql')"),
    ],
    rules.no_test_reaches_private_names: [
        (
            "tests.simulator.x",
            'from simulator.state.file import StateFile\nkept["_pending"], self._shrink()',
        ),
    ],
    rules.files_are_short: [("tests.core.test_x", f"X = [{NEWLINES}]")],
    rules.functions_are_short: [
        ("app.core.x", f'def f():\n    """{LONG}"""'),
    ],
}


def cases(found):
    return [(rule, *case) for rule, cases in found.items() for case in cases]


@pytest.mark.parametrize(("rule", "name", "source"), cases(BAD))
def test_the_rule_bites(rule, name, source):
    assert list(rule(Module(name, source))) != []


@pytest.mark.parametrize(("rule", "name", "source"), cases(GOOD))
def test_the_rule_lets_pass_what_is_right(rule, name, source):
    assert list(rule(Module(name, source))) == []


def test_a_lazy_relationship_is_told_the_line_to_write():
    module = Module(
        "app.routers.blog.models", "author: Mapped[User] = relationship(foreign_keys=[author_id])"
    )
    (complaint,) = rules.relationships_name_their_loads(module)
    assert 'Write relationship(foreign_keys=[author_id], lazy="raise")' in complaint


def test_every_rule_has_been_seen_to_bite():
    assert set(BAD) == {rule for book in rules.RULE_BOOK.values() for rule in book}


def test_what_others_wrote_is_no_module_of_ours(tmp_path):
    """`make peers` installs an environment for each program next to its test."""
    installed = tmp_path / "tests" / "peers" / ".venv" / "lib"
    installed.mkdir(parents=True)
    (installed / "big.py").write_text(NEWLINES)
    (tmp_path / "tests" / "peers" / "test_a.py").touch()
    assert [one.name for one in rules.modules(tmp_path, "tests")] == ["tests.peers.test_a"]

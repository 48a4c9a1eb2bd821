"""The TypeScript client compiles, is small, and works against a running server."""

import json
import os
import subprocess

import pytest

from app.core.config import get_settings
from app.core.types import utc_now
from app.main import app
from tests.auth import tokens
from tests.auth.factories import PASSWORD, make_user
from tests.clients.conftest import run
from tools import client as generator
from tools.client import CLIENT
from tools.console import Problem

pytest_plugins = ["tests.support.client_server"]
pytestmark = pytest.mark.only("sqlite")  # the client is the same for every database
BYTES_PER_ROUTE = 160  # in the package, which is 10 kB with the features of the demo
DEPENDENCIES = {"openapi-fetch"}


def expired_token(username):
    past = int(utc_now().timestamp()) - 3600
    address = get_settings().public_url or "http://testserver"
    claims = {"sub": username, "sid": 1, "iat": past, "exp": past + 900}
    return tokens.signed(tokens.HEADER, claims | {"iss": address, "aud": address, "jti": "1"})


def test_types_of_another_api_are_noticed():
    document = generator.described_api()
    generator.require_current(document)
    document["paths"]["/auth/me"]["get"]["responses"].pop("401")
    with pytest.raises(Problem, match="make client"):
        generator.require_current(document)


def test_every_route_of_a_frontend_is_in_the_types():
    wanted = {path for path in app.openapi()["paths"] if not generator.NOT_CALLED.match(path)}
    text = generator.TYPES.read_text("utf-8")
    assert {path for path in wanted if f'    "{path}": {{' not in text} == set()


@pytest.mark.slow
def test_the_client_compiles_with_every_check(built):
    run("npm", "run", "check")


@pytest.mark.slow
def test_the_package_is_small_and_needs_one_other(built):
    run("npm", "run", "build")
    (packed,) = json.loads(run("npm", "pack", "--dry-run", "--ignore-scripts", "--json"))
    routes = sum(len(methods) for methods in app.openapi()["paths"].values())
    assert packed["size"] < BYTES_PER_ROUTE * routes
    assert {each["path"] for each in packed["files"]} == {
        "package.json",
        *(f"dist/{name}.d.ts" for name in ("index", "problems", "schema", "types")),
        "dist/index.js",
    }
    assert set(json.loads((CLIENT / "package.json").read_text())["dependencies"]) == DEPENDENCIES


@pytest.mark.slow
def test_the_suite_passes_in_node(built, server):
    user = make_user()
    done = subprocess.run(
        ["node", "--test", "tests/node.test.mjs"],
        cwd=CLIENT,
        env={
            **os.environ,
            "API": server.url,
            "USERNAME": user.username,
            "PASSWORD": PASSWORD,
            "EXPIRED": expired_token(user.username),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "# fail 0" in done.stdout

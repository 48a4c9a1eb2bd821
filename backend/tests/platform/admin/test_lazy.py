"""The admin costs nothing until someone opens it."""

import subprocess
import sys

from app.core.config import BACKEND
from app.main import app
from app.platform.monitoring.metrics import request_durations
from tests.support.admin import HERE, Desk

PROBE = """
import sys
from fastapi.testclient import TestClient
import app.main
own = "app.routers.auth.admin" in sys.modules
print("probe:", sorted(one for one in sys.modules if one.startswith("starlette_admin")), own)
web = TestClient(app.main.app)
print("probe:", web.get("/health/live").status_code, "starlette_admin" in sys.modules)
print("probe:", web.get("/admin/login").status_code, "starlette_admin.contrib" in sys.modules)
"""


def test_the_admin_is_imported_with_its_first_request(migrated):
    run = subprocess.run(
        [sys.executable, "-c", PROBE], cwd=BACKEND, capture_output=True, text=True, check=True
    )
    said = [line.removeprefix("probe: ") for line in run.stdout.splitlines() if "probe: " in line]
    assert said == ["[] False", "200 False", "200 False"]


def test_every_page_allows_only_our_own_files(desk):
    for path in ("/", "/login", "/list/users", "/nothing", "/static/admin.css"):
        answer = desk.get(path)
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert " style=" not in answer.text
        assert "<script>" not in answer.text


def test_a_stranger_costs_no_statement(client, db, statements):
    desk = Desk(app)
    with statements(0):
        assert desk.get("/list/users").status_code == 303
        assert desk.get("/").status_code == 303
        assert desk.get("/login").status_code == 200
        wrong = {"Cookie": "liftoff-staff=nonsense"}
        assert desk.get("/list/users", headers=wrong).status_code == 303


def test_starlette_admins_own_pages_are_not_there(desk):
    for path in ("/users/list", "/user/create", "/import/user", "/_relation", "/users/detail/1"):
        assert desk.get(path).status_code == 404
        assert desk.web.post(f"/admin{path}", headers=HERE).status_code in (403, 404, 405, 411)


def test_metrics_have_no_series_for_each_path(desk):
    made_up = ("/static/made/up", "/made/up/path", "/list/made-up", "/row/users/123456")
    for path in (*made_up, "/login"):
        desk.get(path)
    routes = {sample.labels["route"] for metric in request_durations() for sample in metric.samples}
    assert {"/admin/static/{path}", "/admin/{page}", "/admin/login"} <= routes
    assert not [route for route in routes if "made" in route or "123456" in route]

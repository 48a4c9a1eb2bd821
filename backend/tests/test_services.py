"""If a service is missing, the tests that need the service are skipped on a developer's
machine and fail in CI.
"""

import re
from pathlib import Path

import pytest

from tests.support import services

TESTS = Path(__file__).parent
SKIPS = re.compile(r"pytest\.(?:skip|importorskip|mark\.skip\w*|xfail|mark\.xfail)\b")


@pytest.fixture
def nothing_installed(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.usefixtures("nothing_installed")
def test_a_program_that_is_missing_skips_the_test(monkeypatch):
    monkeypatch.delenv("REQUIRE_SERVICES", raising=False)
    with pytest.raises(pytest.skip.Exception, match="redis-server"):
        services.program("redis-server")


@pytest.mark.usefixtures("nothing_installed")
def test_a_missing_program_fails_if_services_are_required(monkeypatch):
    monkeypatch.setenv("REQUIRE_SERVICES", "1")
    with pytest.raises(pytest.fail.Exception, match="chromium"):
        services.program("chromium", "google-chrome")


def test_no_test_decides_for_itself_to_be_skipped():
    allowed = {Path(services.__file__), Path(__file__)}
    found = [
        file
        for file in TESTS.rglob("*.py")
        if file not in allowed and SKIPS.search(file.read_text())
    ]
    assert found == []

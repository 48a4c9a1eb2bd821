"""`make doctor` checks the sign-in provider."""

from app.platform.doctor import all_checks
from tests.support.server import free_port


def found():
    return all_checks()["google"].run()


def test_a_provider_that_responds_passes(impostor):
    assert found().state == "ok"


def test_without_a_provider_there_is_no_row():
    assert found() is None


def test_a_provider_that_does_not_respond_is_reported(use):
    use(f"http://127.0.0.1:{free_port()}")
    assert found().state == "warning"

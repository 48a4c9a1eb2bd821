"""Only `make peers` and `make check-long` run third-party programs."""

import sys

import pytest

from tests.peers import environments
from tools import run_tests


@pytest.mark.parametrize("depth", ["quick", "slow", "long"])
def test_the_peers_have_a_run_of_their_own(depth):
    for run in run_tests.runs(None, depth):
        assert run.name == "once" or f"--ignore={run_tests.PEERS}" in run.selection
        assert run_tests.PEERS not in run.selection
    assert run_tests.peers_run() == run_tests.Run("peers", "postgresql", ["tests/peers"], workers=0)
    assert run_tests.runs("peers", depth) == [run_tests.peers_run()]


def test_a_peer_that_cannot_be_installed_is_a_failure(tmp_path):
    """No test is skipped. If something is missing, the tests that need it fail."""
    (tmp_path / "requirements.txt").write_text(
        "liftoff-has-no-such-package==1.0 --hash=sha256:00\n"
    )
    with pytest.raises(AssertionError, match="pip install"):
        environments.python_in(tmp_path)
    with pytest.raises(FileNotFoundError):
        environments.node_in(tmp_path)


def test_a_peer_reaches_nothing_but_this_machine(tmp_path):
    variables = environments.environment()
    assert variables["HTTPS_PROXY"] == environments.NOWHERE
    assert not any(name.startswith(("STRIPE_", "DATABASE_")) for name in variables)
    ask = "import urllib.request; urllib.request.urlopen('https://api.stripe.com', timeout=60)"
    with pytest.raises(AssertionError, match="refused"):
        environments.run([sys.executable, "-c", ask], tmp_path, variables)

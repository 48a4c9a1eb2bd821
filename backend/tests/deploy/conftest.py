"""Fixtures of the tests of deployments."""

from tests.core.conftest import environment

__all__ = ["environment"]

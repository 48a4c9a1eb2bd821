"""`RateLimit.failures` counts only failures, and no successful attempts."""

import pytest

from app.core.errors import Forbidden, TooManyRequests
from app.platform.limits import RateLimit

pytestmark = pytest.mark.only("sqlite")  # uses no database

LIMIT = RateLimit("failures of a test", "2 per hour")


def fail(limit, key="one"):
    with limit.failures(Forbidden, key):
        raise Forbidden


def test_what_succeeds_is_not_counted():
    for _ in range(5):
        with LIMIT.failures(Forbidden, "one"):
            pass


def test_what_failed_too_often_is_not_tried():
    for _ in range(2):
        with pytest.raises(Forbidden):
            fail(LIMIT)
    with pytest.raises(TooManyRequests):
        fail(LIMIT)
    with pytest.raises(Forbidden):
        fail(LIMIT, "another key")


def test_other_errors_are_not_counted():
    for _ in range(5):
        with pytest.raises(KeyError), LIMIT.failures(Forbidden, "one"):
            raise KeyError


def test_of_several_at_once_none_is_told_that_it_was_not_tried():
    """Otherwise, a change that the refusal commits, such as a count of wrong codes,
    would be rolled back.
    """
    tries = [LIMIT.failures(Forbidden, "one") for _ in range(3)]
    for one in tries:
        one.__enter__()
    for one in tries:
        assert not one.__exit__(Forbidden, Forbidden(), None)  # the error is passed on unchanged

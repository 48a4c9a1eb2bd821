"""The configuration of Hypothesis, imported by `conftest.py` before its first use."""

from hypothesis import settings

# Time says little where several run at once, and what failed once stands in a test
# afterwards, not in a folder.
settings.register_profile("liftoff", deadline=None, database=None)
settings.load_profile("liftoff")

"""How Hypothesis runs here. `conftest.py` imports this before any module that uses
it.
"""

from hypothesis import settings

# Time says little where several run at once, and what failed once stands in a test
# afterwards, not in a folder.
settings.register_profile("liftoff", deadline=None, database=None)
settings.load_profile("liftoff")

"""The configuration of Hypothesis. `conftest.py` imports this module before a test uses
Hypothesis.
"""

from hypothesis import settings

# There is no deadline, because times mean little while several tests run at the same
# time. There is no database of failed examples, because developers turn each failed
# example into a test.
settings.register_profile("liftoff", deadline=None, database=None)
settings.load_profile("liftoff")

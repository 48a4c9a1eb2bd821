"""How the generator says no: before anything is written, with one message that says what to do."""

from tools.console import Problem


class Refused(Problem):
    """Nothing was changed."""

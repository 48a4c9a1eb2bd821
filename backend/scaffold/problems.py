"""The refusals of the generator.

A refusal is raised before anything is written, and says what to do.
"""

from tools.console import Problem


class Refused(Problem):
    """The generator refuses the command. Nothing was changed."""

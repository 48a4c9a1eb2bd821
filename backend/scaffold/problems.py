"""The refusals of the generator.

Each is raised before anything is written, and says what to do.
"""

from tools.console import Problem


class Refused(Problem):
    """The generator refuses the command. Nothing was changed."""

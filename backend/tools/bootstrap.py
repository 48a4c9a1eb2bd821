"""Creates .venv.

This file uses only syntax that every Python parses. So a Python of the wrong version
prints a helpful message instead of a SyntaxError.
"""

import sys

OLDEST, NEWEST = (3, 11), (3, 14)  # for these Python versions, every pinned package has a wheel

if sys.version_info[:2] < OLDEST:
    WRONG = "Liftoff needs Python 3.11 or newer"
elif sys.version_info[:2] > NEWEST:
    WRONG = "The pinned packages of Liftoff are built for Python 3.11 to 3.14"
else:
    WRONG = ""

if WRONG:
    sys.exit(
        "%s; this is %s at %s. Install Python 3.13 or run make PYTHON=/path/to/python3.13"
        % (WRONG, ".".join(str(part) for part in sys.version_info[:3]), sys.executable)
    )

from tools.console import run
from tools.install import main

if __name__ == "__main__":
    run(main)

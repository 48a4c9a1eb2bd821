"""The fault tests record their measurements for the table that `make test-faults`
prints.
"""

import json
import os
from pathlib import Path


def record(case: str, promise: str, measured: str) -> None:
    """Add a row to the table. Outside of `make test-faults`, print the row."""
    figure = {"case": case, "promise": promise, "measured": measured}
    if name := os.environ.get("LIFTOFF_FIGURES"):
        with Path(name).open("a") as file:
            file.write(json.dumps(figure) + "\n")
    else:
        print(figure)  # noqa: T201 - read by whoever runs the one test

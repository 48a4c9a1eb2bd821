"""structlog, imported without rich.

If rich is installed, structlog imports it, to print tracebacks in colour. Our logs
contain plain tracebacks, and the import would cost each process 30 ms and 3 MB.
"""

import sys

hidden = "rich" not in sys.modules
if hidden:
    # If the entry of a package is `None`, importing the package fails as if the package
    # were not installed.
    sys.modules["rich"] = None  # type: ignore[assignment]
try:
    import structlog
finally:
    if hidden:
        del sys.modules["rich"]

__all__ = ["structlog"]

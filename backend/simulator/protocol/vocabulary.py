"""The names of the parameters that the code of an operation can read.

A handler reads its parameters one after the other, so it may refuse a call for another
reason before it finds out that it does not implement a parameter. A developer would
then learn only later that the simulator lacks the feature. So parameters whose names
occur nowhere in the code are refused before the handler runs.
"""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from inspect import getsource
from types import ModuleType

from simulator.protocol.forms import Raw
from simulator.protocol.operations import Operation
from simulator.protocol.parameters import Params
from simulator.protocol.schema import fields

EVERYWHERE = {"expand"}  # the dispatcher reads this parameter


def first_unimplemented(found: Operation, form: dict[str, Raw]) -> str | None:
    """Return the first parameter of the call that Stripe knows and no code reads."""
    known = {} if found.takes is None or found.reads_all else fields(found.takes)
    read = _words(found.handler.__module__) | EVERYWHERE
    return next((name for name in form if name in known and name not in read), None)


@cache
def _words(module: str) -> frozenset[str]:
    """Return all strings in the code of this module and of the `_readers` it uses."""
    found: set[str] = set()
    for reader in _readers(module, set()):
        for node in ast.walk(ast.parse(getsource(reader))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return frozenset(found)


def _readers(module: str, seen: set[str]) -> Iterator[ModuleType]:
    """Yield this module and the modules that it uses, if they import `Params`."""
    here = sys.modules.get(module)
    if module in seen or not module.startswith("simulator.") or here is None:
        return
    seen.add(module)
    names = list(vars(here).values())
    if Params not in (value for value in names if isinstance(value, type)):
        return
    yield here
    for value in names:
        is_module = isinstance(value, ModuleType)
        yield from _readers(getattr(value, "__name__" if is_module else "__module__", ""), seen)

"""No regular expression takes quadratic time (CWE-1333, security requirement 62).

The test finds every pattern that a module of `app` or `simulator` holds. So a pattern
that is added tomorrow is covered, too.
"""

import importlib
import inspect
import pkgutil
import re
import time
from types import ModuleType
from typing import Any

import pytest

import app
import simulator
from tests.support.pumps import pumps

SMALL, LARGE = 2_500, 10_000
OURS = {  # these patterns only read texts of this project
    "app.platform.pages.dev_pages.INLINE": "our own pages",
    "app.platform.pages.docs_pages.INLINE_SCRIPT": "the pages of /docs",
}


def patterns():
    found: dict[re.Pattern[Any], tuple[ModuleType, str]] = {}
    for package in (app, simulator):
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if info.name.rpartition(".")[2] in ("__main__", "server", "worker"):
                continue
            module = importlib.import_module(info.name)
            for name, value in vars(module).items():
                for pattern in held(value):
                    found.setdefault(pattern, (module, name))
    return [
        pytest.param(pattern, uses(module, name), id=f"{module.__name__}.{name}-{number}")
        for number, (pattern, (module, name)) in enumerate(found.items())
        if f"{module.__name__}.{name}" not in OURS
    ]


def held(value):
    """Return the patterns in a module's attribute, which may be a pattern or a
    container.
    """
    if isinstance(value, re.Pattern):
        return [value]
    if isinstance(value, dict):
        value = tuple(value.values())
    return (
        [one for inner in value for one in held(inner)] if isinstance(value, list | tuple) else []
    )


def uses(module, name):
    """Return the name of the method that the module calls. The method matters, because
    a match is cheaper than a search.
    """
    methods = set(
        re.findall(
            rf"\b{name}\.(fullmatch|match|search|sub|findall|finditer)\(", inspect.getsource(module)
        )
    )
    return sorted(methods) or ["sub"]


def seconds(pattern, method, text):
    """Return the smallest CPU time of several runs, because other work may disturb a
    run.
    """
    subject = text.encode("utf-8", "replace") if isinstance(pattern.pattern, bytes) else text
    arguments = (lambda found: found[0], subject) if method == "sub" else (subject,)
    times = []
    for _ in range(3):
        began = time.thread_time()
        answer = getattr(pattern, method)(*arguments)
        if method == "finditer":
            list(answer)
        times.append(time.thread_time() - began)
    return min(times)


@pytest.mark.parametrize(("pattern", "methods"), patterns())
def test_four_times_the_text_takes_about_four_times_as_long(pattern, methods):
    for method in methods:
        for small, large in zip(pumps(pattern, SMALL), pumps(pattern, LARGE), strict=True):
            took = seconds(pattern, method, large)
            assert took < 0.003 or took < 9 * seconds(pattern, method, small), (method, large[:40])


@pytest.mark.parametrize("quadratic", [r"://[^\s]+(?=@)", r"eyJ[\w-]+\."])
def test_the_test_sees_what_is_not_linear(quadratic):
    pattern = re.compile(quadratic)
    with pytest.raises(AssertionError):
        test_four_times_the_text_takes_about_four_times_as_long(pattern, ["search"])

"""A real browser, for what only one shows: which requests a page makes, and what its policy forbids.

Playwright runs an event loop in the thread that uses it, and the tests let no database call run in such a thread: so
the browser has a thread of its own, and a test hands it what is to be done there.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]


@dataclass
class Visit:
    """What happened on a page: every request, everything that a developer would see in red, and what was found."""

    found: Any = None
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.set_default_timeout(15_000)
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("requestfailed", lambda request: self.complaints.append(f"failed: {request.url}"))
        page.on(
            "response", lambda answer: None if answer.ok else self.complaints.append(f"{answer.status}: {answer.url}")
        )
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)


Browse = Callable[[Callable[[Page], Any]], Visit]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browse]:
    """`browser(act)`: do `act(page)` with a fresh page of a fresh profile of the machine's own Chromium.

    Where there is none the test is skipped, unless REQUIRE_SERVICES asks for all of them.
    """
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        reason = "there is no Chromium on this machine"
        if os.environ.get("REQUIRE_SERVICES"):
            pytest.fail(reason)
        pytest.skip(reason)
    with ThreadPoolExecutor(1) as thread:
        playwright = thread.submit(lambda: sync_playwright().start()).result()
        chromium = thread.submit(playwright.chromium.launch, executable_path=path, args=ARGUMENTS).result()
        yield lambda act: thread.submit(_visit, chromium, act).result()
        thread.submit(chromium.close).result()
        thread.submit(playwright.stop).result()


def _visit(chromium: Browser, act: Callable[[Page], Any]) -> Visit:
    context = chromium.new_context()
    visit, page = Visit(), context.new_page()
    visit.watch(page)
    try:
        visit.found = act(page)
    finally:
        context.close()
    return visit

"""A real browser, which shows a page's requests and what its policy forbids.

Playwright runs an event loop in the thread that uses it, and no database call may run
in such a thread. So the browser has a thread of its own, and a test passes it what is
to be done there.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Response, sync_playwright

from tests.support.services import program

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]


@dataclass
class Visit:
    """The events of a page: every request, every error of the console, and the
    result.
    """

    found: Any = None
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.set_default_timeout(60_000)
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("requestfailed", lambda request: self.complaints.append(f"failed: {request.url}"))
        page.on("response", self._note)
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on(
            "console",
            lambda said: self.complaints.append(said.text) if said.type == "error" else None,
        )

    def _note(self, answer: Response) -> None:
        if answer.status >= HTTPStatus.BAD_REQUEST:  # a redirect is none of a page's faults
            self.complaints.append(f"{answer.status}: {answer.url}")


Browse = Callable[[Callable[[Page], Any]], Visit]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browse]:
    """`browser(act)` calls `act(page)` with a fresh profile of the machine's
    Chromium.
    """
    path = program(*NAMES)
    with ThreadPoolExecutor(1) as thread:
        playwright = thread.submit(lambda: sync_playwright().start()).result()
        chromium = thread.submit(
            playwright.chromium.launch, executable_path=path, args=ARGUMENTS
        ).result()
        yield lambda act: thread.submit(_visit, chromium, act).result()
        thread.submit(chromium.close).result()
        thread.submit(playwright.stop).result()


def _visit(chromium: Browser, act: Callable[[Page], Any]) -> Visit:
    context = chromium.new_context()
    visit = Visit()
    context.on("page", visit.watch)  # also those that it opens
    page = context.new_page()
    try:
        visit.found = act(page)
    finally:
        context.close()
    return visit

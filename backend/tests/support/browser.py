"""A real browser for tests. It records a page's requests and the violations of the
page's Content-Security-Policy.

Playwright runs an event loop in the thread that uses it, and no database call may run
in such a thread. So the browser has a separate thread, and a test passes it a function
to run there.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request, Response, sync_playwright

from tests.support.services import program

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]


@dataclass
class Visit:
    """The record of a visit: the page's requests, the errors in its console, and the
    result of `act`.
    """

    found: Any = None
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.set_default_timeout(60_000)
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("requestfailed", self._note_failure)
        page.on("response", self._note)
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on(
            "console",
            lambda said: self.complaints.append(said.text) if said.type == "error" else None,
        )

    def _note_failure(self, request: Request) -> None:
        # Chromium ends the requests of a page that is left before it is complete.
        if request.failure != "net::ERR_ABORTED":
            self.complaints.append(f"failed: {request.url}: {request.failure}")

    def _note(self, answer: Response) -> None:
        if answer.status >= HTTPStatus.BAD_REQUEST:  # a redirect is not a fault of the page
            self.complaints.append(f"{answer.status}: {answer.url}")


Browse = Callable[[Callable[[Page], Any]], Visit]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browse]:
    """`browser(act)` calls `act(page)` in the machine's Chromium, with a fresh
    profile.
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
    context.on("page", visit.watch)  # this also watches pages that the page opens
    page = context.new_page()
    try:
        visit.found = act(page)
    finally:
        context.close()
    return visit

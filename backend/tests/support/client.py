"""A test client that checks every response against the OpenAPI document.

An undocumented status or code fails the test.
"""

import re
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response

# Any path may give these responses, before the route is known or after the route has
# failed.
ANYWHERE = {400, 405, 413, 431, 500, 503}
# Documented headers that a response may omit.
PERHAPS = {"Idempotency-Replayed"}


class DocumentedClient(TestClient):
    def __init__(self, app: FastAPI, **options: Any) -> None:
        super().__init__(app, **options)
        self._operations = [
            (re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), operations)
            for path, operations in sorted(
                app.openapi()["paths"].items(), key=lambda item: item[0].count("{")
            )
        ]

    def request(self, method: str, url: Any, **options: Any) -> Response:
        response = super().request(method, url, **options)
        self._check(method.lower(), response)
        return response

    def _check(self, method: str, response: Response) -> None:
        path = response.request.url.path
        found = (
            operations[method]
            for pattern, operations in self._operations
            if pattern.fullmatch(path) and method in operations
        )
        operation = next(found, None)
        if response.status_code >= 400:
            assert response.headers["content-type"] == "application/problem+json", (
                path,
                response.status_code,
            )
            said = method == "head" or response.json()["detail"]
            assert said, f"{method} {path} says {response.status_code}, but nothing to people"
        if operation is None or response.status_code in ANYWHERE:
            return
        documented = operation["responses"].get(str(response.status_code))
        assert documented, (
            f"{method} {path} answered {response.status_code}, which OpenAPI does not know: "
            f"{response.text}"
        )
        missing = [
            name
            for name in documented.get("headers", {})
            if name not in response.headers and name not in PERHAPS
        ]
        assert not missing, f"{method} {path} answered {response.status_code} without {missing}"
        if response.status_code >= 400:
            codes = documented["content"]["application/problem+json"]["schema"]["allOf"][1][
                "properties"
            ]["code"]["enum"]
            assert response.json()["code"] in codes, (
                f"{method} {path}: {response.json()['code']} is not in {codes}"
            )

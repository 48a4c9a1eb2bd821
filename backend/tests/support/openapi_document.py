"""Parts of the OpenAPI document, for tests of its contents."""

from app.main import app

FORM = "application/x-www-form-urlencoded"


def operations(document):
    """Return the method, path and description of each operation, by its
    `operationId`.
    """
    return {
        operation["operationId"]: (method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


DOCUMENT = app.openapi()
OPERATIONS = operations(DOCUMENT)
BODIES = {name: found for name, found in OPERATIONS.items() if "requestBody" in found[2]}


def content_of(operation):
    """Return the only media type of a request body, and its content."""
    ((media, content),) = operation["requestBody"]["content"].items()
    return media, content


def path_of(path, operation):
    """Return the path with the examples of its parameters filled in."""
    shown = {
        one["name"]: one["example"]
        for one in operation.get("parameters", [])
        if one["in"] == "path"
    }
    return path.format(**shown)

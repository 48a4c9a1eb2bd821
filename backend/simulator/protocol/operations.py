"""The table of operations: each method and path with its function."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from simulator.objects import Object
from simulator.protocol.errors import StripeError

Handler = Callable[..., Object]
ANY = "{}"  # in the tree of paths, this stands for an id


@dataclass(frozen=True)
class Operation:
    """An operation. `takes` is stripe-python's TypedDict of its parameters.

    `reads_all` means that the function reads all parameters without naming them.
    """

    name: str
    takes: type | None
    handler: Handler
    reads_all: bool = False


@dataclass
class _Node:
    children: dict[str, "_Node"]
    operations: dict[str, Operation]


_root = _Node({}, {})


def operation(
    route: str, takes: Any = None, *, reads_all: bool = False
) -> Callable[[Handler], Handler]:
    """Register the function for `METHOD /v1/path/{id}`.

    The function is called with the unit of work, the checked parameters, and the ids in
    the path, in their order. It returns the object of the response, or raises
    `StripeError`.
    """

    def register(handler: Handler) -> Handler:
        method, path = route.split(" ")
        node = _root
        for segment in path.strip("/").split("/"):
            key = ANY if segment.startswith("{") else segment
            node = node.children.setdefault(key, _Node({}, {}))
        if method in node.operations:
            raise ValueError(f"{route} has two handlers")
        node.operations[method] = Operation(route, takes, handler, reads_all)
        return handler

    return register


def find_operation(method: str, path: str) -> tuple[Operation, list[str]]:
    """Return the operation and the ids of the path.

    Raises a `StripeError` with status 404 for an unknown URL.
    """
    node = _root
    ids: list[str] = []
    for segment in path.strip("/").split("/"):
        if segment in node.children:
            node = node.children[segment]
        elif ANY in node.children and segment:
            node = node.children[ANY]
            ids.append(unquote(segment))
        else:
            node = _Node({}, {})
            break
    if method not in node.operations:
        raise unrecognized(method, path)
    return node.operations[method], ids


def unrecognized(method: str, path: str) -> StripeError:
    return StripeError(
        f"Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or we "
        "can help at https://support.stripe.com/.",
        status=404,
    )

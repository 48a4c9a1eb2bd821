"""Who asks. `auth` publishes it on the request; the layers below it read it without knowing `auth`."""

from starlette.requests import HTTPConnection


def publish(connection: HTTPConnection, principal: str) -> None:
    """Say who the caller is, for example `user:42`."""
    connection.state.principal = principal


def viewer(connection: HTTPConnection) -> str | None:
    """The principal of this request; None for the public."""
    principal: str | None = getattr(connection.state, "principal", None)
    return principal

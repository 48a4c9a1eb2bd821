"""The client that a request comes from."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Client:
    """The origin of a request."""

    ip_address: str
    user_agent: str

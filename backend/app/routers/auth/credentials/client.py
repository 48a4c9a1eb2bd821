"""The client that sent a request."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Client:
    """The IP address and user agent of the client that sent a request."""

    ip_address: str
    user_agent: str

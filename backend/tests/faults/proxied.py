"""Raw connections to the proxy, without an HTTP client."""

import socket

HOST = b"Host: localhost\r\n"


def tls_to(proxy, source="127.0.0.1"):
    peer = socket.create_connection(
        ("127.0.0.1", proxy.https), timeout=60, source_address=(source, 0)
    )
    return proxy.trust.wrap_socket(peer, server_hostname="localhost")

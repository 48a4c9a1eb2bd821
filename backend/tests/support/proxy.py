"""Run the shipped reverse proxy as a real process, in front of running servers."""

import contextlib
import getpass
import os
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.core.config import BACKEND
from tests.support.server import START_SECONDS, Server, free_port
from tests.support.services import program

CONFIGURATION = BACKEND / "deploy" / "nginx.conf"


@dataclass
class Proxy:
    """The proxy's two ports on loopback, and its log so far."""

    http: int
    https: int
    folder: Path
    trust: ssl.SSLContext

    @property
    def url(self) -> str:
        return f"https://localhost:{self.https}"

    @property
    def log(self) -> str:
        return (self.folder / "access.log").read_text() + (self.folder / "error.log").read_text()


def configuration(
    folder: Path, http: int, https: int, servers: tuple[Server, ...], *, compresses: bool
) -> str:
    """Return the shipped file with different addresses, and without the system's
    folders.

    With several servers, the file has a line for each, as a comment in the shipped file
    describes.
    """
    addresses = [server.url.removeprefix("http://") for server in servers]
    options = " fail_timeout=1s" if len(servers) > 1 else ""
    text = CONFIGURATION.read_text()
    stores = "".join(
        f"{kind}_temp_path {folder}/{kind}; " for kind in ("proxy", "fastcgi", "uwsgi", "scgi")
    )
    for old, new in (
        ("listen 80 ", f"listen 127.0.0.1:{http} "),
        ("listen 443 ", f"listen 127.0.0.1:{https} "),
        ("server app:8000;", " ".join(f"server {one}{options};" for one in addresses)),
        ("/etc/nginx/tls", str(folder)),
        ("/var/log/nginx", str(folder)),
        ("/run/nginx.pid", f"{folder}/nginx.pid"),
        ("\nhttp {", f"\nhttp {{\n    client_body_temp_path {folder}/body; {stores}"),
    ):
        assert old in text
        text = text.replace(old, new)
    if compresses:
        text = text.replace(
            "gzip off;",
            "gzip on; gzip_proxied any; gzip_min_length 1; gzip_types application/json;",
        )
    return f"user {getpass.getuser()};\ndaemon off;\n{text}"


@contextlib.contextmanager
def running_proxy(*servers: Server, folder: Path, compresses: bool = False) -> Iterator[Proxy]:
    """Run nginx in front of these servers with a new certificate.

    Yields the proxy when the proxy responds.
    """
    nginx, openssl = program("nginx", "/usr/sbin/nginx"), program("openssl")
    key, certificate = folder / "privkey.pem", folder / "fullchain.pem"
    make = (
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "
        "/CN=localhost"
    )
    names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
    command = [
        openssl,
        *make.split(),
        "-addext",
        names,
        "-keyout",
        str(key),
        "-out",
        str(certificate),
    ]
    subprocess.run(command, check=True, capture_output=True)
    proxy = Proxy(
        free_port(), free_port(), folder, ssl.create_default_context(cafile=str(certificate))
    )
    file = folder / "nginx.conf"
    file.write_text(configuration(folder, proxy.http, proxy.https, servers, compresses=compresses))
    arguments = [nginx, "-e", str(folder / "error.log"), "-p", str(folder), "-c", str(file)]
    process = subprocess.Popen(arguments, env=os.environ, stderr=subprocess.PIPE, text=True)
    try:
        _wait(process, proxy.https)
        yield proxy
    finally:
        process.terminate()
        process.communicate(timeout=30)


def _wait(process: subprocess.Popen[str], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"nginx ended: {process.communicate()[1]}")
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port)).close()
            return
        time.sleep(0.05)
    raise RuntimeError("nginx does not listen")

"""Forwarding headers: the rules about which proxies are trusted."""

from ipaddress import ip_address, ip_network

from starlette.types import ASGIApp, Scope

from app.core.logging import get_logger

log = get_logger(__name__)


def behind_proxies(app: ASGIApp, trusted: list[str]) -> ASGIApp:
    """Wrap the application, so that it applies the forwarding headers of trusted
    proxies.
    """
    if not trusted:
        return app
    # Imported here, because this import loads the whole server.
    from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

    return ProxyHeadersMiddleware(app, trusted_hosts=trusted)  # type: ignore[arg-type,return-value]


class UndeclaredProxy:
    """Warns once per process if an undeclared peer sends X-Forwarded-For.

    If a proxy is missing from TRUSTED_PROXIES, all visitors behind the proxy share the
    limits of one address. Without the warning, nobody would notice this until these
    limits are used up. Any client can send the header, so one line in the log is
    enough.
    """

    def __init__(self, declared: list[str]) -> None:
        self._declared = [ip_network(one) for one in declared]
        self._is_silent = False

    def notice(self, scope: Scope) -> None:
        if self._is_silent:
            return
        for name, _ in scope["headers"]:
            if name == b"x-forwarded-for":
                break
        else:
            return
        peer = scope["client"][0] if scope.get("client") else None
        if not self._is_declared(peer):
            self._is_silent = True
            log.warning(
                "forwarded_for_ignored",
                peer=peer,
                message="X-Forwarded-For came from a peer that is not in TRUSTED_PROXIES, so "
                "it was ignored. If this peer is your proxy, add it. Until then all its "
                "visitors share one address.",
            )

    def _is_declared(self, peer: str | None) -> bool:
        try:
            address = ip_address(peer or "")
        except ValueError:
            return False
        return any(address in network for network in self._declared)

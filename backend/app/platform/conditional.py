"""Strong ETags for `If-None-Match` and `If-Match`: hashes of the response (RFC 9110,
8.8.3).
"""

import hashlib
import re

from fastapi import Response

from app.core.errors import PreconditionFailed

# A proxy that compresses a response changes its bytes, so it changes our tag to `W/"…"`
# (nginx, HAProxy, Cloudflare) or `"…-gzip"` (Apache, Caddy). The hash in the tag still
# identifies one version of the resource. The API never issues weak tags itself, so a
# changed tag can be treated like the original.
MARKED = re.compile(r'(?:W/)?"(?P<hash>[0-9a-f]{32})(?:--?(?:gzip|br|zstd|deflate))?"')


class Stale(PreconditionFailed):
    """The resource has changed since the version that `If-Match` names."""

    code = "stale"
    detail = "This resource has changed since you read it. Read it again, then decide."


def etag_of(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def matches_tag(header: str, etag: str) -> bool:
    """Return whether a header such as `If-Match` contains this tag, or `*`.

    A tag that a proxy changed matches, too. RFC 9110 (13.1.1) requires a strong
    comparison for `If-Match`, because different bytes may have the same weak tag. That
    cannot happen here, because our tags are hashes of the bytes, and only proxies make
    them weak.
    """
    if header.strip() == "*":
        return True
    return any(
        (tag := MARKED.fullmatch(one.strip())) and f'"{tag["hash"]}"' == etag
        for one in header.split(",")
    )


def revalidated(response: Response, if_none_match: str | None) -> Response:
    """Return the response with its `ETag`, or 304 if the client already has this
    version.
    """
    etag = etag_of(bytes(response.body))
    if if_none_match and matches_tag(if_none_match, etag):
        kept = {
            key: value
            for key, value in response.headers.items()
            if key in ("cache-control", "vary")
        }
        return Response(status_code=304, headers=kept | {"ETag": etag})
    response.headers["ETag"] = etag
    return response

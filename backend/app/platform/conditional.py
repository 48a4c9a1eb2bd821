"""ETags: a strong validator over the exact bytes (RFC 9110, 8.8.3), for `If-None-Match` and `If-Match`."""

import hashlib
import re

from fastapi import Response

from app.core.errors import PreconditionFailed

# A proxy that compresses knows that the bytes differ now, and marks our tag: `W/"…"` (nginx, HAProxy, Cloudflare),
# `"…-gzip"` (Apache, Caddy). Its hash still names one version of the resource, and there is no weaker tag of ours.
MARKED = re.compile(r'(?:W/)?"(?P<hash>[0-9a-f]{32})(?:--?(?:gzip|br|zstd|deflate))?"')


class Stale(PreconditionFailed):
    """The resource is no longer what `If-Match` names: somebody else changed it. Read it again, then decide."""

    code = "stale"
    detail = "This has changed since you read it."


def etag_of(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def matches(header: str, etag: str) -> bool:
    """Whether a list of entity tags, or `*`, names this one, by whatever way it came back to us.

    RFC 9110 (13.1.1) has `If-Match` compare strongly, so that equivalent but different bytes count as another version.
    Ours never are: a tag is the hash of the bytes, and a weak one can only have been made of it by a proxy.
    """
    if header.strip() == "*":
        return True
    return any((tag := MARKED.fullmatch(one.strip())) and f'"{tag["hash"]}"' == etag for one in header.split(","))


def revalidated(response: Response, if_none_match: str | None) -> Response:
    """The answer with its `ETag`, or 304 where the client has these very bytes."""
    etag = etag_of(bytes(response.body))
    if if_none_match and matches(if_none_match, etag):
        kept = {key: value for key, value in response.headers.items() if key in ("cache-control", "vary")}
        return Response(status_code=304, headers=kept | {"ETag": etag})
    response.headers["ETag"] = etag
    return response

"""ETags: a strong validator over the exact bytes (RFC 9110, 8.8.3), for `If-None-Match`
and `If-Match`.
"""

import hashlib
import re

from fastapi import Response

from app.core.errors import PreconditionFailed

# A proxy that compresses a response changes its bytes, so it marks our tag: `W/"…"`
# (nginx, HAProxy, Cloudflare) or `"…-gzip"` (Apache, Caddy). The hash in the tag still
# identifies one version of the resource. We never issue weak tags ourselves, so
# ignoring the mark is safe.
MARKED = re.compile(r'(?:W/)?"(?P<hash>[0-9a-f]{32})(?:--?(?:gzip|br|zstd|deflate))?"')


class Stale(PreconditionFailed):
    """The resource is not the version that `If-Match` names. Read it again, then
    decide.
    """

    code = "stale"
    detail = "This resource has changed since you read it. Read it again, then decide."


def etag_of(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def matches(header: str, etag: str) -> bool:
    """Whether a list of entity tags, or `*`, includes this one, even if a proxy marked
    it.

    RFC 9110 (13.1.1) requires a strong comparison for `If-Match`, so that equivalent
    but different bytes count as another version. We have no such bytes: a tag is the
    hash of the bytes, and a weak tag can only be a proxy's version of it.
    """
    if header.strip() == "*":
        return True
    return any(
        (tag := MARKED.fullmatch(one.strip())) and f'"{tag["hash"]}"' == etag
        for one in header.split(",")
    )


def revalidated(response: Response, if_none_match: str | None) -> Response:
    """Return the response with its `ETag`, or 304 if the client already has these
    bytes.
    """
    etag = etag_of(bytes(response.body))
    if if_none_match and matches(if_none_match, etag):
        kept = {
            key: value
            for key, value in response.headers.items()
            if key in ("cache-control", "vary")
        }
        return Response(status_code=304, headers=kept | {"ETag": etag})
    response.headers["ETag"] = etag
    return response

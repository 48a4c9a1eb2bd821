"""ETags: a strong validator over the exact bytes (RFC 9110, 8.8.3), for `If-None-Match` and `If-Match`."""

import hashlib

from fastapi import Response

from app.core.errors import PreconditionFailed


class Stale(PreconditionFailed):
    """The resource is no longer what `If-Match` names: somebody else changed it. Read it again, then decide."""

    code = "stale"
    detail = "This has changed since you read it."


def etag_of(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def matches(header: str, etag: str, *, weak: bool) -> bool:
    """Whether a list of entity tags, or `*`, names this one. Weak comparison forgives a proxy's `W/`."""
    if header.strip() == "*":
        return True
    tags = [tag.strip() for tag in header.split(",")]
    return etag in [tag.removeprefix("W/") if weak else tag for tag in tags]


def revalidated(response: Response, if_none_match: str | None) -> Response:
    """The answer with its `ETag`, or 304 where the client has these very bytes."""
    etag = etag_of(bytes(response.body))
    if if_none_match and matches(if_none_match, etag, weak=True):
        kept = {key: value for key, value in response.headers.items() if key in ("cache-control", "vary")}
        return Response(status_code=304, headers=kept | {"ETag": etag})
    response.headers["ETag"] = etag
    return response

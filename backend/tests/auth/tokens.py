"""Access tokens that the tests sign themselves."""

import hmac
import json
from base64 import urlsafe_b64encode

from app.core.keys import derive_key

HEADER = {"alg": "HS256", "typ": "at+jwt"}


def encoded(part):
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(header, claims, key=None):
    """Return a token with a valid signature over any header and claims.

    So nothing but the token's header and claims can be wrong.
    """
    body = f"{encoded(header)}.{encoded(claims)}"
    signature = hmac.digest(key or derive_key("access tokens"), body.encode(), "sha256")
    return f"{body}.{encoded(signature)}"


def ask(client, bearer):
    return client.get("/auth/me", headers={"Authorization": b"Bearer " + bearer.encode()})

"""Caches: public responses, the callers of requests, and values of features.

| Module | What it does |
|---|---|
| `watches` | knows which changes make a cached response outdated |
| `poller` | learns of changes that other processes make |
| `messages` | tells other processes of changes at once, by Redis |
| `entries` | keeps rendered responses in a bounded memory |
| `keys` | decides whether a request may be served from memory, and under which key |
| `callers` | keeps the responses to each caller, for IDENTITY_CACHE_SECONDS |
| `layer` | sends kept responses, before the router is called |
| `regions` | configures dogpile.cache, in Redis or in memory |
| `shared` | keeps responses in Redis for several processes |
| `routes` | `@cached`, and the computation of a response that is not kept |
| `values` | `get`, `set`, `delete`, `exists` and `get_or_create` for features |

A module imports only modules above it. `app.db.changes` collects what a transaction
changes.
"""

from .routes import cached
from .watches import Watch

__all__ = ["Watch", "cached"]

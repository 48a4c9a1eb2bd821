"""Caches: public responses, the callers of requests, and values of features.

| Module | What it does |
|---|---|
| `watches` | knows which changes make a cached response outdated |
| `poller` | learns of changes that other processes make |
| `messages` | notifies other processes of changes immediately, through Redis |
| `entries` | keeps rendered responses in memory, bounded in number and size |
| `keys` | decides whether a request may be served from memory, and under which key |
| `callers` | keeps the responses to each caller, for IDENTITY_CACHE_SECONDS |
| `layer` | sends cached responses, before the router is called |
| `regions` | configures dogpile.cache, in Redis or in memory |
| `shared` | keeps responses in Redis for several processes |
| `routes` | `@cached`, and the computation of a response that is not cached |
| `values` | `get`, `set`, `delete`, `exists` and `get_or_create` for features |

A module imports only modules above it in this table. `app.db.changes` collects the
changes of a transaction.
"""

from .routes import cached
from .watches import Watch

__all__ = ["Watch", "cached"]

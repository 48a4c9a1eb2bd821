"""Checks that the router class makes for every request.

- `strict_request`, `query_rules`: a request may contain only what its route declares.
- `write_limit`: how often one caller may write.
- `idempotency`: the `Idempotency-Key` header.
"""

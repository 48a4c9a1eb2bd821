"""What every request and response passes: one ASGI layer, with one wrapped `send`.

A layer for each concern would be easier to write. Each one costs a call, a wrapped
`send` and often a search through the headers, and a dozen of them cost more than a
small request does.

- `layer`: the envelope, which decides what happens to a request, in which order.
- `request_head`: everything that it needs of the request's headers, read in one pass.
- `exchange`: the wrapped `send`, which completes the response.
- `response_headers`: the headers that every response gets.
- `cors`, `hosts`, `proxies`: what other sites, host names and proxies may do.
- `record`: the access log and the metrics.
"""

from .layer import Envelope

__all__ = ["Envelope"]

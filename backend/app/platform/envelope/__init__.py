"""The ASGI layer that every request and response passes through, with one wrapped
`send`.

A separate layer for each task would be easier to write. But each layer costs a call, a
wrapped `send` and often a search through the headers. A dozen layers cost more time
than the rest of a small request.

- `layer`: the envelope, which decides what happens to a request, and in which order.
- `bounds`: the limits on the size of a request.
- `request_head`: the facts that the envelope needs from the headers, read in one pass.
- `exchange`: the wrapped `send`, which completes the response.
- `response_headers`: the headers that every response gets.
- `cors`, `hosts`, `proxies`: the rules for other sites, host names and proxies.
- `record`: the access log and the metrics.
"""

from .layer import Envelope

__all__ = ["Envelope"]

"""The base of all features. It imports none of them.

Features import these modules:

- `routing`, `pagination`, `openapi_routes`: the router class, pages of a list, and
  documented responses.
- `jobs/`, `mail/`, `templates`, `purges`: background jobs, emails, and the deletion of
  expired rows.
- `cache/`: cached responses and values.
- `limits`, `principal`, `problems`, `conditional`: rate limits, the caller, error
  responses, `ETag` and `If-Match`.
- `models`, `kept_keys`: the tables of the platform, and keys that never change.

The application puts the rest together:

- `envelope/`: the layer that every request and response passes.
- `route_index`, `requests/`, `one_hop/`: find the route, check the request, and run it
  in one thread.
- `queues/`: the parts that jobs and emails share.
- `monitoring/`: health, metrics, backlog.
- `pages/`: the pages for developers.
- `openapi_document`, `examples`: the OpenAPI document.
"""

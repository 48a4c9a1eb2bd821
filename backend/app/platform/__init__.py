"""The platform, on which all features are built. It never imports a feature.

Features import these modules:

- `routing`, `pagination`, `openapi_routes`: the router class, pages of a list, and
  documented responses.
- `jobs/`, `mail/`, `templates`, `purges`: background jobs, emails, and the deletion of
  expired rows.
- `cache/`: cached responses and values.
- `storage/`: files in a folder or in a bucket.
- `personal_data`: what is exported and erased of a user.
- `activity`, `reading`, `async_calls`: the owner's timeline, reads from a replica, and
  calls of asynchronous libraries.
- `limits`, `principal`, `problems`, `conditional`: rate limits, the caller, error
  responses, `ETag` and `If-Match`.
- `models`, `kept_keys`: the tables of the platform, and keys that never change.

The application uses the other modules:

- `middleware`: the layers around the routes.
- `envelope/`: the layer that every request and response passes through.
- `route_index`, `requests/`, `one_hop/`: find the route, check the request, and run it
  in one thread.
- `queues/`, `handover/`: the code that jobs and emails share, and the messages that
  tell Celery workers about new work.
- `buckets`, `housekeeping`: the token buckets of rate limits, and the purges of the
  platform's tables.
- `monitoring/`: health, metrics, backlog.
- `doctor/`: the checks of `make doctor`, which features can extend.
- `pages/`: the pages for developers.
- `admin/`, `audit`: the pages for staff, and the log of what staff do.
- `backups/`: `make backup` and `make restore`.
- `openapi_document`, `examples`, `live_examples`: the OpenAPI document.
"""

"""The protocol of Stripe's API: from an HTTP request to an operation, and back.

In the order of a request:

- `dispatch`: every step of a call, from the request to the response.
- `keys`: authentication with a secret key.
- `idempotency`: the same response for the same idempotency key.
- `operations`: the table of methods and paths, which `@operation` fills.
- `forms`: a body or a query string as nested dicts.
- `older_versions`: parameters in the form of older API versions.
- `schema`, `checking`: the declared parameters of a call, and their check.
- `parameters`: `Params`, the checked parameters, and which ones the operation has used.
- `vocabulary`: parameters that the code of an operation never reads.
- `urls`: the check of URLs in a call.
- `lists`, `search`: pages of a list, and Stripe's search queries.
- `declared`, `expansion`: stripe-python's declarations of objects, and `expand[]`.
- `errors`: Stripe's error objects and their messages.
"""

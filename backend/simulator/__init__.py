"""The simulator: a local stand-in for Stripe, for tests and development.

An event takes this path: `dispatch` finds the operation in `resources/`, and the
operation calls a rule in `billing/`. The rule calls `Work.emit` (`state/work`). When
the store commits (`state/store`), `webhooks/planning` plans a delivery for each
endpoint, and `webhooks/delivery` sends it.

Folders, in import order. A folder imports only from the folders above it; `protocol/`
and `state/` may import each other:

- `protocol/`: HTTP and forms, parameters, errors, lists.
- `state/`: objects, events, timers and the simulated time, in memory and in a file.
- `shapes/`: the fields of a new object.
- `billing/`: the rules of subscriptions, invoices and payments.
- `resources/`: the operations of Stripe's API.
- `webhooks/`: deliveries of events.
- `pages/`: the pages for people: Checkout, billing portal, invoices, control page.

Modules:

- `settings`, `server`: the settings at the start, and the server process.
- `app`: the ASGI application, which connects all parts.
- `guard`: the defence against requests from pages of other sites.
- `control`: the API for tests, and `Box`, which holds all parts of a running simulator.
- `control_billing`: actions for which Stripe has no API, such as opening a dispute.
- `chaos`: deliberate faults of API calls and webhooks.
- `objects`, `durations`: Stripe's objects as dicts, and lengths of time.
"""

"""Subscriptions: plans, Checkout, webhooks and entitlements.

Rules and routes are in folders, in import order. A folder imports only from the folders
above it:

- `gateway/`: every call to Stripe.
- `plans/`: the file `plans.toml`, the table of plans, the prices at Stripe.
- `mirror/`: making our rows equal to Stripe's objects, emails about changes, and
  erasure.
- `selling/`: Checkout, subscription changes, customers, and the routes for subscribers.
- `webhooks/`: event types, and receiving and processing events.
- `operations/`: doctor, invariants, commands, routes for administrators.

Modules:

- `models`, `schemas`: the tables, and the bodies of requests and responses.
- `entitlements`, `service`, `queries`, `clock`, `alarms`: rules that do not call
  Stripe.
- `router`: the webhook and the other routes, some of which the folders define.
- `dependencies`: what other features import.
- `jobs`: work that follows events and requests, recurring work, and purges.
- `personal_data`: what is exported of a payer.
- `admin`: payments in the admin.
- `doctor`, `demo`: checks for `make doctor`, and demo plans.

Terms: a *payer* is a user who buys, and their row is a `Customer`. At Stripe, a payer
is a *customer*. An *attempt* is one Checkout that a user began. An *offer* is a plan as
`plans.toml` describes it. An *event* is a message from Stripe to the webhook. Its
*outcome* is the result of processing it. To *sync* a payer is to read the payer's
objects from Stripe and make our rows equal to them. A *ticket* is the right to store
what is read from Stripe after the ticket was taken. An *alarm* is a log record about
money that an operator must see. An *entitlement* is a feature or a limit that a plan
includes. A *notice* is an email about money, sent once. *Grace* is the period in which
an unpaid subscription still gives access to its plan.
"""

"""Subscriptions: plans, Checkout, webhooks and entitlements.

Folders and modules, in the order in which `docs/payments.md` explains them:

- `plans/`: the file `plans.toml`, the table of plans, the prices at Stripe.
- `selling/`: Checkout, subscription changes, customers, and the routes for subscribers.
- `webhooks/`: event types, and receiving and processing events.
- `mirror/`: making our rows equal Stripe's objects, the emails that follow, and
  erasure.
- `operations/`: doctor, invariants, commands, routes for administrators.
- `gateway/`: every call to Stripe.
- `entitlements`, `service`, `queries`, `clock`, `alarms`: rules that do not call
  Stripe.
- `dependencies`: what other features import.

Terms: a *payer* is a user who buys, and their row is a `Customer`. At Stripe, a payer
is a *customer*. An *attempt* is one Checkout that a user began. An *offer* is a plan as
`plans.toml` describes it. An *event* is a message from Stripe to the webhook. Its
*outcome* is the result of processing it. To *sync* a payer is to read the payer's
objects from Stripe and make our rows equal to them. A *ticket* is the right to write
what is read from Stripe from now on. An *alarm* is a log record about money that an
operator must see. An *entitlement* is a feature or a limit that a plan includes. A
*notice* is an email about money, sent once. *Grace* is the period in which an unpaid
subscription still gives access to its plan.
"""

"""Subscriptions: plans, Checkout, webhooks and entitlements.

Folders and modules, in the order in which `docs/payments.md` explains them:

- `plans/`: the file `plans.toml`, the table of plans, their prices at Stripe.
- `selling/`: Checkout, changes of a subscription, customers, and the routes for
  subscribers.
- `webhooks/`: receiving an event, its type, processing it.
- `mirror/`: making our rows equal Stripe's objects, the emails that follow, and
  erasure.
- `operations/`: doctor, invariants, commands, routes for administrators.
- `gateway/`: every call to Stripe.
- `entitlements`, `service`, `queries`, `clock`, `alarms`: rules that do not call
  Stripe.
- `dependencies`: what other features import.

Terms: a *payer* is a user who buys, and their row is a `Customer`. At Stripe they are a
*customer*. An *attempt* is one Checkout that a user began. An *offer* is a plan as
`plans.toml` describes it. An *event* is a message from Stripe to the webhook, and its
*outcome* is the result of processing it. To *sync* a payer is to read their objects
from Stripe and to make our rows equal to them. A *ticket* is the right to write what is
read from now on. An *alarm* is a log entry about money that an operator has to see. An
*entitlement* is a feature or a limit that a plan includes. A *notice* is an email about
money, sent once. *Grace* is the time in which an unpaid subscription still gives access
to its plan.
"""

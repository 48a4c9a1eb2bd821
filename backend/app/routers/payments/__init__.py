"""Subscriptions: plans, Checkout, webhooks and entitlements.

Where to look, in the order of the story (`docs/payments.md` tells it):

- `plans/`: the file `plans.toml`, and its plans in our table and at Stripe.
- `selling/`: Checkout, changes of a subscription, customers, the routes of a
  subscriber.
- `webhooks/`: receiving an event, its meaning, processing it.
- `mirror/`: making our rows equal Stripe's objects, the mails that follow, and what is
  erased.
- `operations/`: doctor, invariants, commands, routes for administrators.
- `gateway/`: every call to Stripe.
- `entitlements`, `service`, `queries`, `clock`, `alarms`: rules without a call to
  Stripe.
- `dependencies`: what other features import.

The words: a *customer* is Stripe's object, and a *payer* is the user behind it. An
*attempt* is one Checkout that a user began. An *offer* is a plan as `plans.toml`
describes it. An *event* is what Stripe sends to the webhook, and its *outcome* is what
came of it. To *sync* is to make our rows equal Stripe's objects. An *entitlement* is
what a plan opens. A *notice* is a mail about money, sent once. *Grace* is the time in
which an unpaid subscription still opens its plan.
"""

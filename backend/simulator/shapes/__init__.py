"""The initial form of a new object of each kind.

Each form has all fields of Stripe's API version. Objects are plain dicts that are never
changed in place: a change makes a new dict. So defaults can be shared.

- `common`: parts that several kinds have.
- `account`: the simulator's only account.
- `checkout`: sessions and their line items.
- `subscription`, `subscription_schedule`: subscriptions, their items, and schedules.
- `invoice`: invoices, their lines, pending items and payments.
- `payment`: intents, charges, refunds and disputes.
- `discount`: discounts.
- `portal`: portal configurations and sessions.
"""

"""Plans: the file that defines them, our `plans` table, and the prices at Stripe.

- `plan_file`: the parser of `backend/plans.toml`.
- `publishing`: stores the plans in our table and at Stripe.
- `currencies`: the currencies and amounts that Stripe accepts.
"""

"""Operations: commands for operators, routes for administrators, checks and repairs.

- `commands`: the billing commands.
- `endpoints`: the webhook endpoint at Stripe, which a command registers.
- `doctor`, `differences`: `make billing-doctor`, and the comparison that it uses.
- `invariants`: rules that always hold in our own tables.
- `routes`, `administration`: routes for administrators, and their rules.
- `figures`, `payer_page`: in the admin, the numbers on the dashboard, and the page of a
  payer.
"""

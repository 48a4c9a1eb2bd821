"""The mirror: our copies of Stripe's objects, emails about changes, and erasure.

- `sync`: makes a payer's rows equal to Stripe's objects. Begin here.
- `emails`: emails about changes.
- `timeline`: records changes in the payer's timeline.
- `reconciliation`: finds payers whose events may have been lost.
- `erasure`: erases payers whose accounts were deleted.
- `forgetting`: deletes the customer at Stripe.
"""

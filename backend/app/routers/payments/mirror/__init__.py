"""The mirror: our copies of Stripe's objects, emails about changes, and erasure."""

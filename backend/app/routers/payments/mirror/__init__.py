"""The mirror: our rows of what Stripe has, the mails about changes, and erasure."""

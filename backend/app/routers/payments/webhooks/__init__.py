"""Webhooks: receiving events of Stripe, and processing them."""

"""Webhooks: receiving Stripe's events, and processing them."""

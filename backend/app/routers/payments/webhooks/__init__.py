"""Webhooks: receiving and processing Stripe's events."""

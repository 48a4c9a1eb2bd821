"""Selling: Checkout, changes of a subscription, and customers at Stripe."""

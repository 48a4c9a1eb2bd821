"""Selling: Checkout, subscription changes, and customers at Stripe."""

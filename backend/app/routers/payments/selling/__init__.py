"""Selling: Checkout, subscription changes, and customers at Stripe.

- `routes`: the routes for the caller's subscription.
- `checkout`: starts a subscription on Stripe's page.
- `changes`: another plan, a cancellation, and undoing either of them.
- `customers`: payers, their customers at Stripe, and the billing portal.
- `refusals`: the errors that clients get if Stripe refuses to sell a plan.
- `demo_routes`: two routes that require entitlements.
"""

"""Programs of others that work with Stripe, unmodified, against the simulator: `make
peers`.
"""

"""Unmodified third-party programs for Stripe run against the simulator: `make
peers`.
"""

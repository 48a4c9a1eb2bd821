"""Third-party programs for Stripe, unmodified, against the simulator: `make peers`."""

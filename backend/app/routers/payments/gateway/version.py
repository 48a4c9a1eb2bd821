"""Which of Stripe's API we speak."""

API_VERSION = "2026-10-28.endive"  # what this code was written for: a new one is a change, to be tested

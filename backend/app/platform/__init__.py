"""The base of all features: router class, problems, limits, idempotency, mail, jobs,
health.
"""

"""The base of all features: router class, error responses, limits, idempotency, mail,
jobs, health checks.
"""

"""The base of all features: router class, error responses, rate limits, idempotency,
emails, jobs, and health checks.
"""

"""Liftoff: the backend that a SaaS starts from."""

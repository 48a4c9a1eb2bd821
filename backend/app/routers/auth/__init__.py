"""Accounts: who may sign in, and which user a request comes from."""

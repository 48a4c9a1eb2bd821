"""Accounts: who may come in, and who asks."""

"""Accounts: registration, verification, changes, deletion."""

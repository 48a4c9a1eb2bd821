"""Credentials: what every journey of auth records, issues or redeems."""

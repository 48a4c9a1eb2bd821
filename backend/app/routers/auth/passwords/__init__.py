"""Passwords: reset and change, weak passwords, lockouts, and takeovers of accounts."""

"""Passwords: reset and change, weak passwords, lockouts, and account takeovers."""

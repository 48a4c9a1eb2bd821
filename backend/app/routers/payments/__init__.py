"""Subscriptions: what a user pays for, and what that includes."""

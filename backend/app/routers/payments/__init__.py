"""Subscriptions: what somebody pays for, and what that opens."""

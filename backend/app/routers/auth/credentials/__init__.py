"""Credentials: the client of a request, one-time tokens, security events, unverified
registrations.
"""

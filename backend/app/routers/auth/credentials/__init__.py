"""Credentials: the client of a request, one-time tokens, security events, unverified
registrations.

- `client`: the client that sent a request.
- `one_time_tokens`: tokens that work once, in links and in codes.
- `security_events`: the record of events that concern the security of an account.
- `pending`: unverified registrations, and when their usernames become free.
"""

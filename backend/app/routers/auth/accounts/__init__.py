"""Accounts: registration, verification, changes, deletion.

- `routes`: the routes.
- `registration`: registration, verification of the address, and unverified accounts
  that expire.
- `own_account`: changing the username or the email address, and deletion.
- `moderation`: actions of staff on an account.
- `erasure`: erasure of sessions and IP addresses after a deletion.
"""

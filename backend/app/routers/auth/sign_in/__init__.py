"""Sign-in with a password, and of staff, who may act as a user.

- `with_password`: sign-in with a username or an email.
- `staff`: sign-in of staff at `/admin`.
- `impersonation_pages`: the pages of the admin with which staff act as a user.
"""

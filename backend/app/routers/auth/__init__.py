"""Accounts: registration, sign-in, sessions, passwords, second factor, Google.

Where to look (each room may import from the rooms above it, never from those below):

- `models`, `schemas`, `queries`, `errors`, `security`, `throttle`: what every room
  needs.
- `credentials/`: the client of a request, one-time tokens, security events,
  registrations that wait.
- `sessions/`: login sessions, the cookie, reauthentication.
- `mfa/`: the second factor.
- `passwords/`: reset and change, weak passwords, lockouts, takeovers.
- `sign_in/`: sign-in with a password.
- `accounts/`: registration, changes of an account, deletion.
- `google/`: sign-in with Google.
- `dependencies`, `hooks`: what other features import. `service`: the account itself,
  superusers.
"""

"""Accounts: registration, sign-in, sessions, passwords, second factor, Google.

Each folder may import from the folders above it in this list, never from those below:

- `models`, `schemas`, `queries`, `errors`, `security`, `throttle`: modules that every
  folder uses.
- `credentials/`: the client of a request, one-time tokens, security events,
  unverified registrations.
- `sessions/`: login sessions, their cookies, re-authentication.
- `mfa/`: the second factor.
- `passwords/`: reset and change, weak passwords, lockouts, takeovers.
- `sign_in/`: sign-in with a password.
- `accounts/`: registration, changes of an account, deletion.
- `google/`: sign-in with Google.
- `dependencies`, `hooks`: what other features import. `service`: reading an account,
  creating superusers.
"""

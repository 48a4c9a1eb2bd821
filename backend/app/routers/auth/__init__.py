"""Accounts: registration, sign-in, sessions, passwords, second factor, Google.

Rules and routes are in folders, in import order. A folder imports only from the folders
above it:

- `credentials/`: the client of a request, one-time tokens, security events,
  unverified registrations.
- `sessions/`: login sessions, their cookies, re-authentication.
- `mfa/`: the second factor.
- `passwords/`: reset and change, weak passwords, lockouts, takeovers.
- `sign_in/`: sign-in with a password, and sign-in of staff.
- `accounts/`: registration, changes of an account, deletion.
- `google/`: sign-in with Google.
- `privacy/`: a user's export of their data, and the erasure of everything of a user.

Modules:

- `models`, `schemas`, `queries`, `errors`, `security`, `throttle`: modules that several
  folders use. `security` creates and checks passwords and tokens.
- `router`: the route for sign-in, and the routes that the folders define.
- `dependencies`, `hooks`: the interface for other features. The routes of the folders
  use `dependencies`, too.
- `service`: reading an account, creating superusers.
- `jobs`: work that follows a request, and purges.
- `personal_data`: what an export contains of an account.
- `admin`: the views of the admin, and the gate through which staff sign in.
- `doctor`, `demo`: checks for `make doctor`, and demo users.
- `commands`: ending the sessions of all users.
"""

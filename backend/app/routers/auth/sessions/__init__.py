"""Sessions: opening, refreshing and ending them, and re-authentication.

- `routes`: the routes.
- `login_sessions`: opening, listing and ending sessions, and finding the session of a
  token.
- `impersonation`: staff who act as a user, in a session of its own kind.
- `refreshing`: exchanges refresh tokens, and detects a stolen token by its reuse.
- `remembered`: a cache in which requests find the user of their access token.
- `wholesale`: ends the sessions of all users.
- `cookies`: the cookies of browsers.
- `reauthentication`: the owner proves their identity again before a sensitive change.
"""

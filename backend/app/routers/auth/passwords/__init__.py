"""Passwords: reset and change, weak passwords, lockouts, and account takeovers.

- `routes`: the routes.
- `changing`: resets by email, which end all sessions, and changes by the owner, which
  end all other sessions.
- `weak_passwords`: the rules that refuse weak passwords.
- `lockouts`: accounts that are locked by strangers' wrong passwords.
- `takeover`: an unverified account that goes to the owner of its email address.
"""

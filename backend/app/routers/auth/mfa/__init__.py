"""The second factor: authenticator apps and recovery codes.

- `routes`: the routes.
- `second_factor`: setting up, confirming, requiring and turning off a second factor.
- `answering`: answers to a challenge, with limits on guessed codes.
- `totp`: the arithmetic of time-based codes.
- `recovery_codes`: recovery codes.
- `key_rotation`: encrypts the secrets again after `SECRET_KEY` has changed.
"""

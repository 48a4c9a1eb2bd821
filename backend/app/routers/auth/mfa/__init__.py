"""The second factor: authenticator apps and recovery codes."""

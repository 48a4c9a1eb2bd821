"""The life of an account: registration, changes, deletion."""

"""The generator for `make feature`, `feature-field` and `feature-remove`.

It is not part of the application.
"""

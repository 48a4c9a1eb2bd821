"""The generator behind `make feature`, `feature-field` and `feature-remove`.

It is never part of the application.
"""

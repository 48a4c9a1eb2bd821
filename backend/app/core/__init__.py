"""Modules that everything else uses: settings, errors, logging, schemas.

They do not use the database.
"""

"""Pure Python that everything else uses: settings, errors, logging, shapes.

Nothing here knows the database.
"""

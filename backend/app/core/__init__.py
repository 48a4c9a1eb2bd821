"""Pure Python that everything stands on: settings, errors, logs, shapes. Nothing here knows the database."""

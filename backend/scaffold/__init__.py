"""The generator behind `make feature`, `feature-field` and `feature-remove`. Never part of the application."""

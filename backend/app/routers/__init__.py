"""Features, one folder each. `app.core.features` finds them, so there is no list to
maintain.
"""

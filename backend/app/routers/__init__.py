"""Features: one folder each. `app.core.features` finds them; there is no list to
keep.
"""

"""The initial form of a new object of each kind.

It has every field of Stripe's API version. Objects are plain dicts that nobody changes
in place, because a change makes a new dict. So defaults can be shared.
"""

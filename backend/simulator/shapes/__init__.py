"""What a new object of each kind looks like: every field that Stripe's API version has,
with its value at the start.

Objects are plain dicts that nobody changes in place: a change is a new dict. So
defaults can be shared.
"""

"""Passwords: reset, change, the rules for weak ones, and what follows an attack on
one.
"""

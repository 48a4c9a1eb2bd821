"""Sessions: how they are opened, refreshed and ended, and how their owner proves to be
present.
"""

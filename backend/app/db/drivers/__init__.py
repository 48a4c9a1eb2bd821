"""Connections of the drivers, with a limit for every call that waits for the server.

There is one module for each driver. They use subclasses and not event listeners, so
that the limit covers everything that waits: statements, but also commits, rollbacks,
pings, and what SQLAlchemy asks of a new connection.
"""

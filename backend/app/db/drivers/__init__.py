"""The drivers' connections, with a limit for every call that waits for the server. One module for each driver.

They are subclasses and not event listeners, so that whatever waits has its limit: a statement, but also a commit, a
roll-back, a ping, and what SQLAlchemy asks a new connection.
"""

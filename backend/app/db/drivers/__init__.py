"""Driver connections with a time limit for every call that waits for the server.

Each driver has a module. The modules use subclasses rather than event listeners, so
that the limit also covers commits, rollbacks, pings, and the queries that SQLAlchemy
sends on a new connection.

- `postgresql`, `mysql`, `sqlite`: the connections of each driver.
- `transactions`: decides which statement begins a transaction.
- `sockets`: checks whether a peer has closed its connection.
"""

"""The server process, which defends itself against slow and silent clients.

- `__main__` starts the server on the sockets of `listening`.
- `supervisor` watches several processes.
- `reloader` replaces a process when the code changes, and starts `reloaded`.
- `connection` handles HTTP with one client, with a limited `head`.
- `crowd` watches all connections of a process.
- `descriptors` limits the number of connections.
- `metrics_listener` serves METRICS_PORT.
"""

"""The server process, which defends itself against slow and silent clients.

- `__main__` starts the server on the sockets of `listening`.
- `supervisor` watches several processes.
- `application` loads the application in a serving process.
- `reloader` starts `reloaded`, and restarts it when the code changes.
- `connection` handles HTTP with one client. `head` limits the size of a request's head.
- `draining` stops a server without losing a request.
- `response` writes the head of a response.
- `crowd` watches all connections of a process.
- `descriptors` limits the number of connections.
- `metrics_listener` serves METRICS_PORT.
"""

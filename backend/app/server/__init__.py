"""The server: the process around the application, with its defences against slow and
silent clients.

`__main__` starts it on the sockets of `listening`. `supervisor` watches several
processes. `reloader` replaces a process when the code changes, and starts `reloaded`.
`connection` speaks HTTP with one client. `crowd` watches all connections of a process.
`descriptors` limits their number.
"""

"""What listens: the process around the application, and its defences against slow and silent clients.

`__main__` starts it on the sockets of `listening`, `supervisor` looks after several processes, `reloader` replaces one
when the code changes (what it starts is `reloaded`). `connection` speaks HTTP with one client, `crowd` watches all
connections of a process, `descriptors` says how many there may be.
"""

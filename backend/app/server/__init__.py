"""What listens: the process around the application, and its defences against slow and silent clients.

`__main__` starts it, `supervisor` looks after several processes, `connection` speaks HTTP with one client, `crowd`
watches all connections of a process, `descriptors` says how many there may be.
"""

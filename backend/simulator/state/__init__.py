"""The state: every object, event and timer, in memory and in a file.

- `work`: a unit of work. Operations and rules read, write and emit events through it.
- `store`: all objects, and what happens when a unit of work commits.
- `table`, `kinds`: the objects of one kind, and the prefix and indexes of each kind.
- `ids`: ids and secrets, which are the same for the same seed.
- `events`: the encoding of an event. Events are emitted in `work`.
- `file`: the SQLite file that keeps the state between runs.
- `clock`: the simulated time.
- `timers`, `actions`: what happens later, and the functions that timers can run.
- `timeline`: the passing of time, which runs the due timers in order.
"""

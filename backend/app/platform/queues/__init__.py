"""The code that the job queue and the mail queue share. Both queues are tables.

- `leases`: claim, retry, release and abandon a row.
- `wakes`: wake a worker thread as soon as a row is committed.
- `dead_letters`: list and revive abandoned rows.
"""

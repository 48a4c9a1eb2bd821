"""Facts about a running process, for probes, Prometheus and operators.

- `probes`, `health`: whether the process is alive and ready.
- `metrics`, `metrics_files`: the metrics of all processes of one server.
- `backlog`: how many jobs and mails are waiting, and for how long.
- `purge_metrics`: how many rows the purges have deleted.
- `heartbeat`: the file by which a worker process shows that it is alive.
"""

"""Facts about a running process, for probes, Prometheus and operators.

- `probes`, `health`: whether the process is alive and ready.
- `metrics`, `metrics_files`: the metrics of all processes of one server.
- `process_metrics`, `replica_metrics`: pools of connections, and replicas.
- `document_metrics`: MongoDB.
- `work`: the statements of each request and job.
- `tracing`: the traces of a process.
- `backlog`: how many jobs and mails are waiting, and for how long.
- `purge_metrics`: how overdue the purges are.
- `heartbeat`: the file with which a worker process shows that it is alive.
"""

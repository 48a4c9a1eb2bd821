"""Hands work over to Celery workers, if `CELERY_BROKER_URL` is set.

The row of a job or an email remains the source of truth. A message contains no data and
only means "look into this queue". So a message that is lost, doubled or late changes no
result. If a message was lost, the next message or the sweep of a worker finds the row.

- `celery_app`: the Celery application, its queues, and connections on which no call
  waits long.
- `messenger`: sends messages from a separate thread, so that no request waits for the
  broker.
- `broker`: whether the broker answers, and how many messages wait there.

The worker's side is `app.platform.jobs.celery_worker`. Nothing here imports Celery
until it is needed.
"""

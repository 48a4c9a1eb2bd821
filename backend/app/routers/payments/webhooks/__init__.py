"""Webhooks: receiving and processing Stripe's events.

- `receiving`: checks an event and stores it with a job.
- `event_types`: the types that we handle, and the payer that an event is about.
- `processing`: the job that syncs the payer of an event, and the search for events
  whose job was lost.
"""

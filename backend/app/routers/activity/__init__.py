"""Activity: what happened in an account, in an append-only timeline.

Other features call `app.platform.activity.record`, which writes events to an outbox.
These modules move the events to the timeline and read it:

- `events`: an event, and the interface of the stores.
- `sql_store`, `documents`: the timelines in a table, or in MongoDB.
- `stores`: chooses the store by `MONGODB_URL`.
- `moving`: moves events from the outbox to the store, and erases timelines.
- `service`: reads a timeline, including events that are still in the outbox.
- `router`, `schemas`, `models`: the routes, their bodies, and the table of timelines.
- `jobs`: when events are moved, and when timelines are erased.
- `personal_data`: what is exported of a timeline.
- `dependencies`: the store for the routes, and the hook for deleted accounts.
"""

"""The database: engine, session factory, transactions, column types.

- Sessions: `database` has the engine, the session factories and the transaction of a
  request. `engines` and `drivers/` make the three databases behave alike, and `urls`
  converts DATABASE_URL.
- Models: `base`, `mixins`, `types` and `enums`.
- Writing: `insertion`, `deletion`, `locks`, `references` for ids of other features, and
  `demands` for conditions that each transaction must meet. `batches/` changes any
  number of rows.
- Reading: `lists` has filters and sort orders, and `pagination` returns a page.
  `pages`, `projection` and `totals` make lists fast.
- Slugs: `slugs` inserts a row with a free slug, and `slug_history` finds a row by a
  former slug.
- Search: `search/` has full-text search.
- Replicas: `reading` reads from a replica, and `replicas` decides which may be used.
- Failures: `errors` translates the errors of the database. `lost` repeats the first
  statement of a transaction if its connection was lost. `silence` refuses requests
  while the database does not respond. `deadlines` ends calls that take too long, and
  `role_limits` sets time limits for use behind a pooler.
- Load: `threads` limits the threads of endpoints, and `capacity` checks the number of
  connections.
- Changes: `changes` notes what a transaction changes, for the caches of all processes.
- Time: `clock` is the database's clock.
- Schema: `migrations` checks that the schema fits the code. `feature_order` sorts the
  features by their tables. `revisions/` extends Alembic.
- Monitoring: `watching/` counts and times statements, and `tracing` makes spans.
- MongoDB: `documents`.
"""

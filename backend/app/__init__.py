"""Liftoff: a backend on which to build a SaaS product.

Folders, in import order. A folder imports only from the folders above it:

- `core/`: settings, errors, logging, schemas. Nothing there uses the database.
- `db/`: the database.
- `platform/`: the parts on which all features stand, such as jobs, mails and caches.
- `routers/`: the features, one folder each.
- `server/`: the server process.

Programs:

- `main`: the application, assembled from its parts. Begin here.
- `worker`: a separate process that sends mail and runs jobs.
- `cli`: commands for developers and operators.
"""

import gc

# By default, Python looks for reference cycles after every 700 new objects. Importing
# the application creates a quarter of a million objects that stay. A request creates
# thousands of objects, which are freed without this search. The higher threshold makes
# startup about 7 % faster.
gc.set_threshold(50_000, 20, 20)

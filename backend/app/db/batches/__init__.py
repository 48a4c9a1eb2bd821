"""Work on any number of rows in batches, each in its own short transaction.

The more rows a single statement covers, the longer it takes. Once a statement exceeds
the time limit, it can never succeed. Batches always make progress, release their locks
soon, and let other requests run in between.

| Function | What it is for | Rows locked by others | Stored position |
|---|---|---|---|
| `delete_in_batches` | deletes rows | skipped | `Progress.last` |
| `in_batches` | changes rows, for example in a job | skipped | `Progress.last` |
| `in_named_batches` | changes every row once | awaited | in the database |
| `run_for_terminal` | the same, with a progress bar | awaited | in the database |
| `read_in_batches` | reads rows in the order of their keys | read | `after` |
| `write_in_chunks` | inserts rows from any iterable | not affected | `Progress.rows` |

    delete_in_batches(WorkerSession, Mail, Mail.sent_at < past, by=Mail.sent_at)
    in_batches(WorkerSession, fill_in, Post, Post.html.is_(None), budget=5)
    in_named_batches(WorkerSession, "blog.render", render, Post)
    for posts in read_in_batches(SessionLocal, Post, after=1_000): ...
    write_in_chunks(WorkerSession, Post, ({"title": line} for line in file))

All times are in seconds. Each kind of batch has a module: `locked`, `named`, `reading`,
`writing`. `turns` decides the size of the batches and the pauses between them.
`positions` stores how far a named run has come, and `terminal` shows the progress of a
run.
"""

from .locked import Work, batch_deletion, delete_in_batches, in_batches
from .named import AnotherRun, in_named_batches
from .positions import BatchPosition
from .reading import read_in_batches
from .terminal import run_for_terminal
from .turns import Progress
from .writing import write_in_chunks

__all__ = [
    "AnotherRun",
    "BatchPosition",
    "Progress",
    "Work",
    "batch_deletion",
    "delete_in_batches",
    "in_batches",
    "in_named_batches",
    "read_in_batches",
    "run_for_terminal",
    "write_in_chunks",
]

"""Numbers of visible posts: in total, per author, per category and per month.

No request scans posts. A number is the sum of three parts. One statement reads all
three, so that they show the same moment:

| Part | Table | Written by |
|---|---|---|
| posts that are counted | `blog_counts` | the job, every few seconds |
| counted posts that have changed | `blog_uncounted` | the request that changes a post |
| visible posts that are not counted yet | `blog_posts`, by a partial index | nobody |

So creating a post takes no additional statement and never waits for a counter. A change
of a counted post writes one row in the same transaction, and never waits for another
writer. The job then moves new and changed posts into `blog_counts`, in batches.

A post with `is_counted` is counted under its current author, category and month, as
long as every change goes through `uncounting`. Changes that bypass the application can
make the counters wrong. `recounting` corrects the counters once a day.

- `uncounting`: notes each change of a counted post.
- `counters`: the lock of the counters, and changes to them.
- `folding`: the job that moves new and changed posts into the counters.
- `recounting`: computes all counters again while others write.
- `statements`, `authors`, `stats`: the queries of the routes.
- `routes`, `schemas`: the routes, and the bodies of their responses.
"""

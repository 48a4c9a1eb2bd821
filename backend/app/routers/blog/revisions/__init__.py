"""Revisions: the states of a post's title, content and excerpt.

| Module | What it does |
|---|---|
| `reading` | lists, reads, compares and restores revisions |
| `schemas` | the shapes of the responses |
| `routes` | the routes, for the author of a post and superusers |

`app.routers.blog.content.history` records the revisions. The revisions of each post are
numbered from 1, and the highest number is the current state. A post that was never
changed has no rows. Its only revision is made from the post itself, with the number 1.
When the post is first changed, that revision is stored with the same number.
"""

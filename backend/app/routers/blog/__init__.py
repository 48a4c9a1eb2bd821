"""Blog: posts and their categories.

- `router`: the routes of posts and categories.
- `service`, `categories`: the rules of posts and of categories.
- `lists`, `queries`: lists of posts, and statements that several modules share.
- `models`, `schemas`: the tables, and the bodies of requests and responses.
- `dependencies`: the post or category that a path names.
- `content/`: the HTML of a post, and the revision that each change records.
- `revisions/`: reading, comparing and restoring revisions.
- `counts/`: numbers of visible posts.
- `feeds/`: the Atom feed and the sitemap.
- `timeline`: records changes of a post in the timeline of its author.
- `caching`: how long public responses are cached.
- `jobs`, `commands`: recurring work, and commands for operators.
- `personal_data`: what is exported and erased of an author.
- `admin`, `demo/`: the blog in the admin, and demo posts.
"""

"""The text of posts: its HTML, and its revisions.

| Module | What it does |
|---|---|
| `rendering` | renders the content of a post, and makes the excerpt |
| `rerendering` | rerenders stored posts whose HTML is outdated |
| `history` | records a revision whenever the text of a post is changed |
"""

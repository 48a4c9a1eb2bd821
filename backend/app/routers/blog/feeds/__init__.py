"""Documents for feed readers and search engines.

- `addresses`: the URLs of posts and of these documents.
- `atom`: the newest posts as an Atom feed.
- `sitemap`: the addresses of all posts.
- `routes`: the routes.
"""

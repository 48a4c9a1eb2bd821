"""Pages for developers.

- `docs_pages`: `/docs` and `/redoc`, without a CDN.
- `dev_pages`: the pages below `/dev`.
- `dev_mailbox`: the emails that development does not send.
"""

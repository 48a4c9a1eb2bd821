"""Pages for developers.

- `docs_pages`: `/docs`, `/redoc` and `/llms.txt`, without a CDN.
- `demo_pages`: the demo application at `/demo`.
- `dev_pages`: renders the pages below `/dev`.
- `dev_mailbox`: the emails that development does not send.
"""

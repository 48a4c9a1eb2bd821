"""Modules that all other packages use: settings, errors, logging, schemas.

These modules do not use the database.

- Settings: `config` assembles them from `setting_fields`, `setting_types` and the
  settings of one subject each: `database_settings`, `mail_settings`, `backup_settings`,
  `broker_settings`, `search_settings`, `storage_settings`, `watching_settings`.
- Checks of settings: `database_urls`, `combinations`, `production` and `risks`.
  `refusals` words the message for a fault, and `announcements` writes log records.
- Features: `features` finds the folders of `app/routers`. `errors` has the base classes
  of their errors. `schemas`, `fields` and `types` have what their schemas share.
  `pagination` has the pages of lists.
- Text: `text` has canonical usernames, email addresses and slugs. `markdown` makes safe
  HTML, with `markdown_parser` and `sanitiser`. `line_diff` compares two texts.
- JSON: `strict_json` for clients, `foreign_json` for trusted senders such as Stripe.
- Search: `search_text` makes tokens, and `search_dialects` writes them in the language
  of each database.
- Secrets and networks: `keys` derives keys, and `networks` checks hosts and addresses.
  `outbound` calls outside services with limits on time and bytes, and `redis` connects
  to Redis.
- Logs and traces: `logging`, `plain_structlog`, `error_reports`, `tracing`.
- Load: `admission` limits how many callers run at the same time.
"""

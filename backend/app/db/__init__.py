"""The database: one engine, one session factory, one owner of the transaction."""

"""The database: engine, session factory, transactions, column types."""

"""The database: one engine, one session factory, and one function that ends
transactions.
"""

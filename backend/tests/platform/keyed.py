"""Sends requests with an Idempotency-Key, and reads the rows that the requests
leave.
"""

from sqlalchemy import func, select

from app.db.database import SessionLocal
from tests.support.widgets import Widget

WIDGET = {"name": "spring", "weight": 1}

KEY = {"Idempotency-Key": "b9c0d7a2-first-try"}


def rows(table=Widget):
    with SessionLocal() as db:
        return db.scalar(select(func.count()).select_from(table))

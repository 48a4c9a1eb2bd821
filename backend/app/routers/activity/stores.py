"""Chooses the store of the timelines."""

from sqlalchemy.orm import Session

from app.core.config import get_settings
from app.db.documents import open_documents

from .documents import DocumentStore
from .events import Store
from .sql_store import SqlStore


def store_of(db: Session) -> Store:
    """Return MongoDB as the store if `MONGODB_URL` is set, otherwise a table."""
    return DocumentStore(open_documents()) if get_settings().mongodb_url else SqlStore(db)

"""Rows of other features that a request refers to by id."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.errors import AppError

from .base import Base

References = Mapping[str, tuple[type[Base], type[AppError]]]


def require_references(
    db: Session, references: References, values: Mapping[str, Any], owner_id: int | None = None
) -> None:
    """Raise an error for the first id in `values` that has no row.

    With `owner_id`, another user's row counts as missing, if the table has owners.
    Otherwise a reference would reveal that the row exists. The foreign key still
    decides if a row is deleted meanwhile.
    """
    for name, (model, error) in references.items():
        if (wanted := values.get(name)) is not None:
            columns = model.__table__.columns
            statement = select(columns.id).where(columns.id == wanted)
            if owner_id is not None and "owner_id" in columns:
                statement = statement.where(columns.owner_id == owner_id)
            if db.scalar(statement) is None:
                raise error

"""Checks the ids with which a request refers to rows of other features."""

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

    If `owner_id` is given and the table has owners, another user's row counts as
    missing, so that the response does not reveal whether the row exists. If a row is
    deleted after this check, the foreign key still refuses the reference.
    """
    for name, (model, error) in references.items():
        if (wanted := values.get(name)) is not None:
            columns = model.__table__.columns
            statement = select(columns.id).where(columns.id == wanted)
            if owner_id is not None and "owner_id" in columns:
                statement = statement.where(columns.owner_id == owner_id)
            if db.scalar(statement) is None:
                raise error

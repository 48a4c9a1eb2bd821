"""Deletes a row. If several requests delete the same row, only one reports success."""

from typing import Any, cast

from sqlalchemy import CursorResult, inspect
from sqlalchemy import delete as delete_from
from sqlalchemy.orm import Session

from app.core.errors import AppError

from .base import Base


def delete_row(db: Session, row: Base, gone: type[AppError]) -> None:
    """Delete a row that this request has read.

    Raises `gone` if another request has deleted the row since then. In that case,
    `db.delete(row)` would only warn, and both requests would respond with 204.
    """
    mapper = inspect(type(row))
    key = zip(mapper.primary_key, mapper.primary_key_from_instance(row), strict=True)
    this = delete_from(mapper).where(*(column == value for column, value in key))
    if cast("CursorResult[Any]", db.execute(this)).rowcount != 1:
        raise gone

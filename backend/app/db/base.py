"""The base of every table."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import BigInteger, Integer, MetaData
from sqlalchemy.orm import DeclarativeBase

from .enums import add_checks
from .types import UtcDateTime

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


add_checks()


class Base(DeclarativeBase):
    """Base of all tables.

    Constraints have the same names on every database. Migrations use these names to
    drop constraints, and `app.db.errors` uses them to recognise violations.
    """

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar = {
        # SQLite generates ids only for an INTEGER column, which has 64 bits
        int: BigInteger().with_variant(Integer(), "sqlite"),
        datetime: UtcDateTime(),
    }

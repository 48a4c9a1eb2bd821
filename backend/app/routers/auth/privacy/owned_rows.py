"""The personal data of a feature without a `personal_data.py`.

These are the rows with a foreign key to a user. The foreign key's `ondelete` says what
becomes of them when everything of the user is erased.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Delete, Table, Update, delete, inspect, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.core.features import Feature
from app.db.base import Base
from app.db.batches import in_batches
from app.db.database import WorkerSession
from app.platform.personal_data import Part, records
from app.routers.auth.models import User


@dataclass(frozen=True)
class Owned:
    """A table whose rows refer to a user in `column`."""

    model: type[Base]
    column: InstrumentedAttribute[Any]
    ondelete: str | None

    def of(self, user_id: int) -> ColumnElement[bool]:
        return self.column == user_id


def owned_tables(feature: Feature) -> Iterator[Owned]:
    """Yield the tables of this feature that refer to users, in the order of their
    names.
    """
    inside = f"app.routers.{feature.name}."
    mappers = [each for each in Base.registry.mappers if each.class_.__module__.startswith(inside)]
    for mapper in sorted(mappers, key=lambda each: str(each.local_table)):
        assert isinstance(mapper.local_table, Table)
        for column in mapper.local_table.columns:
            for key in column.foreign_keys:
                if key.column.table is User.__table__:
                    attribute = mapper.get_property_by_column(column).class_attribute
                    yield Owned(mapper.class_, attribute, key.ondelete)


def export(feature: Feature, user_id: int) -> Iterator[Part]:
    """Yield the rows that refer to the user, table by table."""
    for owned in owned_tables(feature):
        name = str(owned.model.__tablename__)
        yield f"{name}_by_{owned.column.key}", records(owned.model, owned.of(user_id))


def erase(feature: Feature, user_id: int) -> bool:
    """Delete these rows, or make them refer to nobody. Return whether all are done."""
    return all(_erase(owned, user_id) for owned in owned_tables(feature))


def _erase(owned: Owned, user_id: int) -> bool:
    """Do the work of one foreign key, as `ondelete` says.

    Batches need a key of one column. Tables with other keys are seldom large.
    """
    work = (
        update(owned.model).values({owned.column.key: None})
        if owned.ondelete == "SET NULL"
        else delete(owned.model)
    )
    keys = inspect(owned.model).primary_key
    if len(keys) == 1:
        some = partial(_change, work, keys[0])
        return in_batches(WorkerSession, some, owned.model, owned.of(user_id)).finished
    with WorkerSession() as db, db.begin():
        db.execute(work.where(owned.of(user_id)))
    return True


def _change(
    work: Update | Delete, key: ColumnElement[Any], db: Session, keys: Sequence[int]
) -> None:
    db.execute(work.where(key.in_(keys)), execution_options={"synchronize_session": False})

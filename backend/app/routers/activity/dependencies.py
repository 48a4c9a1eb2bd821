"""The store as a dependency, and the hook for deleted accounts."""

from typing import Annotated

from fastapi import Depends
from sqlalchemy.orm import Session

from app.db.database import db_dependency
from app.platform.jobs import enqueue
from app.routers.auth.dependencies import before_deletion
from app.routers.auth.models import User

from .events import Store
from .stores import store_of


def timelines(db: db_dependency) -> Store:
    return store_of(db)


Timelines = Annotated[Store, Depends(timelines)]


@before_deletion
def erase_timeline(db: Session, user: User) -> None:
    """Queue a job that erases the user's timeline, once the account is deleted.

    A job can wait until MongoDB is available again.
    """
    enqueue(db, "activity.erase", {"user_id": user.id})

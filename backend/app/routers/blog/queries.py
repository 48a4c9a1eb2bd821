"""SQL statements shared by several blog modules.

SQLAlchemy statements do not change once they are built, so statements without arguments
are built only once.
"""

from functools import cache
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Integer,
    Select,
    and_,
    bindparam,
    false,
    or_,
    select,
    true,
)
from sqlalchemy.orm import InstrumentedAttribute, joinedload, undefer

from app.db import clock
from app.routers.auth.models import User

from .models import BlogCategory, BlogPost

NOBODY = {"viewer": None, "sees_all": False}


@cache
def is_public() -> ColumnElement[bool]:
    """Match posts that are published and whose `published_at` has passed."""
    return and_(BlogPost.is_published, BlogPost.published_at <= clock.now())


def visible_to(user: User | None) -> ColumnElement[bool]:
    """Match posts that this user may see. Every query that reads posts uses this."""
    if user is None:
        return is_public()
    return or_(is_public(), BlogPost.author_id == user.id, true() if user.is_superuser else false())


@cache
def whole_posts() -> Select[BlogPost]:
    """Select posts with their author, category, content and HTML in one statement."""
    return select(BlogPost).options(
        joinedload(BlogPost.author, innerjoin=True).load_only(User.id, User.username),
        joinedload(BlogPost.category).load_only(
            BlogCategory.id, BlogCategory.name, BlogCategory.slug, BlogCategory.is_active
        ),
        undefer(BlogPost.content),
        undefer(BlogPost.content_html),
        undefer(BlogPost.html_digest),
    )


@cache
def visible_post(column: InstrumentedAttribute[Any]) -> Select[BlogPost]:
    """Select the post in which `column` equals `wanted`, if the viewer may see it.

    `viewing` returns the values for the statement's other parameters.
    """
    visible = or_(
        is_public(),
        BlogPost.author_id == bindparam("viewer", type_=Integer),
        bindparam("sees_all", type_=Boolean),
    )
    return whole_posts().where(column == bindparam("wanted"), visible)


def viewing(user: User | None) -> dict[str, Any]:
    return {"viewer": user.id, "sees_all": user.is_superuser} if user else NOBODY


@cache
def categories(*, inactive: bool) -> Select[BlogCategory]:
    """Select categories by name. Only superusers may see `inactive` categories."""
    ordered = select(BlogCategory).order_by(BlogCategory.name, BlogCategory.id)
    return ordered if inactive else ordered.where(BlogCategory.is_active)


def sees_inactive(user: User | None) -> bool:
    """Return whether this user may see inactive categories."""
    return user is not None and user.is_superuser

"""Dependencies that return the post or category that a path names."""

from typing import Annotated

from fastapi import Depends, Path

from app.core.errors import raises
from app.core.types import Id
from app.db.database import db_dependency
from app.platform.reading import read_db_dependency
from app.routers.auth.dependencies import CurrentUser, OptionalUser, Superuser, VerifiedUser

from . import categories, service
from .models import BlogCategory, BlogPost

PostId = Annotated[Id, Path(examples=[2])]  # the first post by `author` in the demo data


@raises(service.PostNotFound)
def visible_post(db: read_db_dependency, user: OptionalUser, post_id: PostId) -> BlogPost:
    return service.get_post(db, user, post_id)


@raises(service.PostNotFound, service.NotTheAuthor)
def own_post(db: db_dependency, user: VerifiedUser, post_id: PostId) -> BlogPost:
    return service.get_own_post(db, user, post_id)


@raises(service.PostNotFound)
def editable_post(db: db_dependency, user: CurrentUser, post_id: PostId) -> BlogPost:
    return service.get_editable_post(db, user, post_id)


@raises(categories.CategoryNotFound)
def shown_category(db: read_db_dependency, user: OptionalUser, category_id: Id) -> BlogCategory:
    return categories.get_category(db, user, category_id)


@raises(categories.CategoryNotFound)
def managed_category(db: db_dependency, user: Superuser, category_id: Id) -> BlogCategory:
    return categories.get_category(db, user, category_id)


VisiblePost = Annotated[BlogPost, Depends(visible_post)]
EditablePost = Annotated[BlogPost, Depends(editable_post)]
OwnPost = Annotated[BlogPost, Depends(own_post)]
ShownCategory = Annotated[BlogCategory, Depends(shown_category)]
ManagedCategory = Annotated[BlogCategory, Depends(managed_category)]

"""Revision routes. The rules and queries are in `reading`."""

from typing import Annotated

from fastapi import Path, Query

from app.core.errors import raises
from app.core.pagination import Page
from app.core.types import Id
from app.db.database import db_dependency
from app.platform.pagination import PageParams
from app.platform.routing import Router
from app.routers.auth.dependencies import VerifiedUser
from app.routers.blog import service
from app.routers.blog.dependencies import EditablePost
from app.routers.blog.models import BlogPost, BlogRevision
from app.routers.blog.schemas import PostRead

from . import reading
from .schemas import RevisionComparison, RevisionRead, RevisionSummary

RevisionId = Annotated[Id, Path(examples=[1])]

router = Router()


@router.get("/posts/{post_id}/revisions")
def list_revisions(
    db: db_dependency, post: EditablePost, page: PageParams
) -> Page[RevisionSummary]:
    """List the states of a post's text, newest first. The first is the current state.

    Only the author of the post and superusers may do this. The newest 50 revisions are
    kept.
    """
    return reading.list_revisions(db, post, page)


@router.get("/posts/{post_id}/revisions/{revision_id}", response_model=RevisionRead)
@raises(reading.RevisionNotFound)
def get_revision(db: db_dependency, post: EditablePost, revision_id: RevisionId) -> BlogRevision:
    """Read a revision with its content."""
    return reading.get_revision(db, post, revision_id)


@router.get("/posts/{post_id}/revisions/{revision_id}/diff")
@raises(reading.RevisionNotFound)
def compare_revisions(
    db: db_dependency,
    post: EditablePost,
    revision_id: RevisionId,
    against: Annotated[
        Id | None, Query(description="The other revision. Default: the previous revision.")
    ] = None,
) -> RevisionComparison:
    """Read what changed from another revision to this revision."""
    return reading.compare_revisions(db, post, revision_id, against)


@router.post("/posts/{post_id}/revisions/{revision_id}/restore", response_model=PostRead)
@raises(reading.RevisionNotFound, service.PostNotFound)
def restore_revision(
    db: db_dependency, user: VerifiedUser, post: EditablePost, revision_id: RevisionId
) -> BlogPost:
    """Give a post the title, content and excerpt of a revision again.

    This creates a new revision, so a restore can be undone. The slug does not change.
    """
    return reading.restore_revision(db, user, post, revision_id)

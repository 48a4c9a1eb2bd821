"""Reads, compares and restores the revisions of a post."""

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload, undefer

from app.core.errors import NotFound
from app.core.line_diff import changed_lines
from app.core.pagination import Page, PageQuery
from app.db.pagination import paginate
from app.routers.auth.models import User
from app.routers.blog import service
from app.routers.blog.content.history import state_of
from app.routers.blog.models import BlogPost, BlogRevision

from .schemas import ChangedLines, Replacement, RevisionComparison, RevisionSummary


class RevisionNotFound(NotFound):
    code = "revision_not_found"
    detail = (
        "This post has no such revision, or it has been deleted. "
        "`GET /blog/posts/{post_id}/revisions` lists the revisions."
    )


def list_revisions(db: Session, post: BlogPost, page: PageQuery) -> Page[RevisionSummary]:
    """Return the revisions of a post, newest first."""
    own = select(BlogRevision).where(BlogRevision.post_id == post.id)
    found = paginate(db, own.order_by(BlogRevision.id.desc()), page, RevisionSummary)
    if post.last_revision == 0 and found.total is not None:
        found.total = 1
        if page.offset == 0:
            found.items = [RevisionSummary.model_validate(_only_revision(post))]
    return found


def get_revision(db: Session, post: BlogPost, revision_id: int) -> BlogRevision:
    """Return a revision with its content. Raises `RevisionNotFound`."""
    if post.last_revision == 0 and revision_id == 1:
        return _only_revision(post)
    revision = db.scalar(_whole(post).where(BlogRevision.id == revision_id))
    if revision is None:
        raise RevisionNotFound
    return revision


def restore_revision(db: Session, editor: User, post: BlogPost, revision_id: int) -> BlogPost:
    """Give a post the title, content and excerpt of a revision, as a new revision.

    If the post already has these texts, nothing changes.
    """
    revision = get_revision(db, post, revision_id)
    state = {
        "title": revision.title,
        "content": revision.content,
        "excerpt": revision.excerpt,
    }
    return service.change_post(db, editor, post, state)


def compare_revisions(
    db: Session, post: BlogPost, revision_id: int, against_id: int | None
) -> RevisionComparison:
    """Return what changed from the revision `against_id` to a later or earlier
    revision.

    Without `against_id`, the revision is compared with the previous revision.
    """
    revision = get_revision(db, post, revision_id)
    if against_id is None:
        against = db.scalar(
            _whole(post)
            .where(BlogRevision.id < revision_id)
            .order_by(BlogRevision.id.desc())
            .limit(1)
        )
    else:
        against = get_revision(db, post, against_id)
    old = (against.title, against.content, against.excerpt) if against else ("", "", "")
    return RevisionComparison(
        revision_id=revision.id,
        against_id=against.id if against else None,
        title=_replacement(old[0], revision.title),
        excerpt=_replacement(old[2], revision.excerpt),
        content=_changed_lines(old[1], revision.content),
    )


def _whole(post: BlogPost) -> Select[BlogRevision]:
    return (
        select(BlogRevision)
        .where(BlogRevision.post_id == post.id)
        .options(
            joinedload(BlogRevision.editor).load_only(User.id, User.username),
            undefer(BlogRevision.content),
        )
    )


def _only_revision(post: BlogPost) -> BlogRevision:
    """Return the state of a post that was never changed. No row is stored."""
    return BlogRevision(
        post_id=post.id,
        id=1,
        editor_id=post.author_id,
        editor=post.author,
        created_at=post.created_at,
        **state_of(post)._asdict(),
    )


def _replacement(before: str, after: str) -> Replacement | None:
    return None if before == after else Replacement(before=before, after=after)


def _changed_lines(before: str, after: str) -> list[ChangedLines]:
    old, new = (text.split("\n") if text else [] for text in (before, after))
    return [
        ChangedLines(
            line=change.start + 1,
            before=old[change.start : change.end],
            after=new[change.new_start : change.new_end],
        )
        for change in changed_lines(old, new)
    ]

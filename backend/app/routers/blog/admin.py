"""The blog in the admin: posts with their revisions, and categories."""

from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, joinedload, undefer

from app.core.errors import Unprocessable
from app.platform.admin.views import (
    Action,
    Badge,
    Block,
    Column,
    Field,
    Filter,
    Given,
    Link,
    Person,
    Table,
    Tool,
    View,
)
from app.routers.auth.models import User

from . import categories, queries, service
from .models import BlogCategory, BlogPost, BlogRevision
from .revisions import reading
from .schemas import CategoryCreate, CategoryUpdate, PostUpdate

GROUP = "Content"
SHOWN = 20
LONGEST_POST = 60_000  # characters; the admin accepts forms of up to 64 kB


def _state(post: BlogPost) -> Badge:
    if not post.is_published:
        return Badge("draft")
    return Badge("published", "good")


def _find_post(text: str) -> ColumnElement[bool] | None:
    user, _, number = text.partition(":")
    if user == "user" and number.isascii() and number.isdigit() and len(number) < 19:  # noqa: PLR2004 - 64 bits
        return BlogPost.author_id == int(number)
    return BlogPost.slug == text.lower()


def _tables(db: Session, post: BlogPost) -> list[Table]:
    newest = (
        select(BlogRevision)
        .where(BlogRevision.post_id == post.id)
        .order_by(BlogRevision.id.desc())
        .limit(SHOWN)
    )
    rows = [
        (one.id, one.created_at, Person(one.editor_id) if one.editor_id else None, one.title)
        for one in db.scalars(newest)
    ]
    return [Table("Revisions", ("Revision", "When", "By", "Title"), rows)]


def _of_staff(db: Session, post: BlogPost, given: Given) -> tuple[User, BlogPost]:
    editor = db.get_one(User, given.staff_id)
    return editor, service.get_own_post(db, editor, post.id)


def _update(db: Session, post: BlogPost, given: Given, **changes: Any) -> None:
    editor, whole = _of_staff(db, post, given)
    service.update_post(db, editor, whole, PostUpdate(**changes))


def _edit(db: Session, post: BlogPost, given: Given) -> str:
    _update(
        db, post, given, **{name: given.values[name] for name in ("title", "content", "excerpt")}
    )
    return "The post is changed. Its earlier text is a revision."


def _publish(db: Session, post: BlogPost, given: Given) -> str:
    _update(db, post, given, is_published=True)
    return "The post is published."


def _withdraw(db: Session, post: BlogPost, given: Given) -> str:
    _update(db, post, given, is_published=False)
    return "The post is a draft again, and only its author and staff see it."


def _feature(db: Session, post: BlogPost, given: Given) -> str:
    _update(db, post, given, is_featured=not post.is_featured)
    return "The post is featured." if post.is_featured else "The post is featured no longer."


def _restore(db: Session, post: BlogPost, given: Given) -> str:
    number = given.values["revision"]
    if not (number.isascii() and number.isdigit() and len(number) < 10):  # noqa: PLR2004 - 32 bits
        raise Unprocessable("“Revision” must be a number from the list.")
    editor, whole = _of_staff(db, post, given)
    reading.restore_revision(db, editor, whole, int(number))
    return f"The post has the text of revision {number} again."


def _delete(db: Session, post: BlogPost, given: Given) -> str:
    service.delete_post(db, _of_staff(db, post, given)[1])
    return "The post is deleted."


def _change_category(db: Session, row: BlogCategory, given: Given) -> str:
    name, description = given.values["name"], given.values["description"]
    is_active = bool(given.values["is_active"])
    changes = CategoryUpdate(name=name, description=description, is_active=is_active)
    categories.update_category(db, row, changes)
    return "The category is changed."


def _delete_category(db: Session, row: BlogCategory, _given: Given) -> str:
    categories.delete_category(db, row)
    return "The category is deleted. Its posts stay, without a category."


def _create_category(db: Session, given: Given) -> str:
    name, description = given.values["name"], given.values["description"]
    made = categories.create_category(db, CategoryCreate(name=name, description=description))
    return f"The category “{made.name}” has the id {made.id}."


NAME = Field("name", "Name", longest=80, value=lambda row: row.name)
DESCRIPTION = Field(
    "description",
    "Description",
    optional=True,
    longest=500,
    kind="textarea",
    value=lambda row: row.description,
)
POST_FIELDS = (
    Field("title", "Title", value=lambda post: post.title),
    Field("excerpt", "Excerpt", "textarea", optional=True, longest=500, value=lambda p: p.excerpt),
    Field("content", "Content", "textarea", longest=LONGEST_POST, value=lambda post: post.content),
)
VIEWS = (
    View(
        key="posts",
        title="Posts",
        group=GROUP,
        model=BlogPost,
        about="Search by slug, or by a part of the title.",
        columns=(
            Column("Title", lambda post: post.title),
            Column("State", _state),
            Column("Author", lambda post: Person(post.author_id)),
            Column("Published", lambda post: post.published_at),
        ),
        details=(
            Column("State", _state),
            Column("Author", lambda post: Person(post.author_id)),
            Column("Slug", lambda post: post.slug),
            Column(
                "Category",
                lambda post: (
                    Link(post.category.name, "categories", post.category.id)
                    if post.category
                    else None
                ),
            ),
            Column("Featured", lambda post: "yes" if post.is_featured else "no"),
            Column("Published", lambda post: post.published_at),
            Column("Created", lambda post: post.created_at),
            Column("Content", lambda post: Block(post.content)),
        ),
        name=lambda post: post.title,
        find=_find_post,
        search=(BlogPost.title,),
        of_user="user:{}",
        filters=(
            Filter(
                "state",
                "State",
                {
                    "public": queries.is_public(),
                    "draft": ~BlogPost.is_published,
                    "featured": BlogPost.is_featured.is_(True),
                },
            ),
        ),
        detail_options=(undefer(BlogPost.content), joinedload(BlogPost.category)),
        tables=_tables,
        actions=(
            Action("edit", "Edit", _edit, is_dangerous=False, fields=POST_FIELDS),
            Action(
                "publish",
                "Publish",
                _publish,
                when=lambda p: not p.is_published,
                is_dangerous=False,
            ),
            Action(
                "withdraw",
                "Make it a draft",
                _withdraw,
                when=lambda p: p.is_published,
                is_dangerous=False,
            ),
            Action("feature", "Feature, or stop", _feature, is_dangerous=False),
            Action(
                "restore",
                "Restore a revision",
                _restore,
                when=lambda post: post.last_revision > 0,
                is_dangerous=False,
                fields=(Field("revision", "Revision", "number", longest=9),),
            ),
            Action("delete", "Delete", _delete, about="This deletes its revisions, too."),
        ),
    ),
    View(
        key="categories",
        title="Categories",
        group=GROUP,
        model=BlogCategory,
        columns=(
            Column("Name", lambda row: row.name),
            Column("Slug", lambda row: row.slug),
            Column("State", lambda row: Badge("active", "good") if row.is_active else "inactive"),
        ),
        details=(
            Column("Slug", lambda row: row.slug),
            Column("State", lambda row: Badge("active", "good") if row.is_active else "inactive"),
            Column("Description", lambda row: row.description),
        ),
        name=lambda row: row.name,
        search=(BlogCategory.name,),
        actions=(
            Action(
                "edit",
                "Edit",
                _change_category,
                is_dangerous=False,
                fields=(
                    NAME,
                    DESCRIPTION,
                    Field(
                        "is_active",
                        "Active",
                        "checkbox",
                        value=lambda row: "yes" if row.is_active else "",
                    ),
                ),
            ),
            Action("delete", "Delete", _delete_category, about="Its posts stay."),
        ),
    ),
)
TOOLS = (
    Tool(
        key="new-category",
        title="New category",
        group=GROUP,
        about="A category gets its slug from its name.",
        button="Create",
        fields=(NAME, DESCRIPTION),
        run=_create_category,
        target=lambda given: f"category:{given.values['name']}",
    ),
)

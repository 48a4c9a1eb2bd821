"""Request and response bodies for the blog routes."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import MISSING, AfterValidator, BaseModel, Field, StrictBool, StringConstraints

from app.core.fields import OneLine, RowId
from app.core.schemas import Input, Output, PartialInput, example_body
from app.core.text import MAX_SLUG, canonical_slug
from app.core.types import validator_from

Title = Annotated[str, OneLine(200)]
Content = Annotated[str, StringConstraints(min_length=1, max_length=200_000, pattern=r"\S")]
Excerpt = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]
Slug = Annotated[
    str,
    Field(min_length=1, max_length=MAX_SLUG, examples=["first-light"]),
    AfterValidator(validator_from(canonical_slug, "slug")),
]
CategoryName = Annotated[str, OneLine(80)]
CategoryText = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]
Sort = Literal["-published_at", "published_at", "-created_at", "created_at", "title"]


class PostCreate(Input):
    """A new post.

    A missing slug is generated from the title, and a missing excerpt from the content.
    """

    model_config = example_body(
        {
            "title": "First light",
            "content": "# Hello\n\nThis is **Markdown**.",
            "category_id": 1,
            "is_published": True,
        }
    )

    title: Title
    content: Content
    slug: Slug | None = None
    excerpt: Excerpt | None = None
    category_id: RowId | None = None
    is_published: StrictBool = False
    is_featured: StrictBool = False


class PostUpdate(PartialInput):
    """Changes to a post. Missing fields stay unchanged.

    With `category_id: null`, the post is removed from its category. With `slug: null`,
    a new slug is generated from the title.
    """

    model_config = example_body({"title": "Second light"})

    title: Title | MISSING = MISSING
    content: Content | MISSING = MISSING
    slug: Slug | MISSING | None = MISSING
    excerpt: Excerpt | MISSING = MISSING
    category_id: RowId | MISSING | None = MISSING
    is_published: StrictBool | MISSING = MISSING
    is_featured: StrictBool | MISSING = MISSING


class AuthorRead(Output):
    id: int
    username: str


class CategoryRef(Output):
    id: int
    name: str
    slug: str


class PostSummary(Output):
    """A post in a list, without its content."""

    id: int
    title: str
    slug: str
    excerpt: str
    is_published: bool
    is_featured: bool
    created_at: datetime
    updated_at: datetime
    published_at: datetime | None
    author: AuthorRead
    category: CategoryRef | None


class PostRead(PostSummary):
    content: str


class CategoryCreate(Input):
    model_config = example_body({"name": "Field notes", "description": "What we saw on the way."})

    name: CategoryName
    slug: Slug | None = None
    description: CategoryText = ""


class CategoryUpdate(PartialInput):
    """Changes to a category. Missing fields stay unchanged.

    With `slug: null`, a new slug is generated from the name.
    """

    model_config = example_body({"description": "What we saw on the way."})

    name: CategoryName | MISSING = MISSING
    slug: Slug | MISSING | None = MISSING
    description: CategoryText | MISSING = MISSING


class CategoryRead(Output):
    """A category. `post_count` is the number of public posts in it."""

    id: int
    name: str
    slug: str
    description: str
    post_count: int


class PostFilters(BaseModel):
    """Filters and sort order for the list of posts.

    With `published_only=false`, the list includes drafts: your own, or all drafts for a
    superuser.
    """

    published_only: bool = True
    category: Annotated[
        str | None, Field(max_length=MAX_SLUG, description="The slug of a category.")
    ] = None
    author: Annotated[
        str | None, Field(max_length=32, description="The username of an author.")
    ] = None
    featured: bool | None = None
    sort: Sort = "-published_at"

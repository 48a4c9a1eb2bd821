"""Request and response bodies for the blog routes."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import (
    MISSING,
    AfterValidator,
    BaseModel,
    Field,
    StrictBool,
    StringConstraints,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from app.core.fields import Moment, OneLine, RowId
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
Sort = Literal["relevance", "-published_at", "published_at", "-created_at", "created_at", "title"]

MAX_SEARCH = 200
SEARCH = (
    "A post must contain all of these words, in its title or content. The last word may be "
    'incomplete. Words in quotation marks ("first light") must follow each other.'
)


class PostCreate(Input):
    """A new post.

    A missing slug is generated from the title, and a missing excerpt from the content.
    A published post without `published_at` is published now. If `published_at` is in
    the future, the post appears at that time. A draft keeps `published_at` until it is
    published.
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
    published_at: Moment | None = None
    is_featured: StrictBool = False


class PostUpdate(PartialInput):
    """Changes to a post. Missing fields stay unchanged.

    With `category_id: null`, the post is removed from its category. With `slug: null`,
    a new slug is generated from the title. With `published_at: null`, a published post
    is published now, and a draft has no planned time.
    """

    model_config = example_body({"title": "Second light"})

    title: Title | MISSING = MISSING
    content: Content | MISSING = MISSING
    slug: Slug | MISSING | None = MISSING
    excerpt: Excerpt | MISSING = MISSING
    category_id: RowId | MISSING | None = MISSING
    is_published: StrictBool | MISSING = MISSING
    published_at: Moment | MISSING | None = MISSING
    is_featured: StrictBool | MISSING = MISSING


class AuthorRead(Output):
    id: int
    username: str


class CategoryRef(Output):
    id: int
    name: str
    slug: str


class PostSummary(Output):
    """A post in a list, without its content.

    Everyone sees a published post once `published_at` has passed. The category is null
    if it is inactive, except for superusers.
    """

    id: int
    title: str
    slug: str
    excerpt: str
    reading_minutes: int
    is_published: bool
    is_featured: bool
    created_at: datetime
    updated_at: datetime
    published_at: datetime | None
    author: AuthorRead
    category: CategoryRef | None = Field(validation_alias="active_category")


class FullPostSummary(PostSummary):
    """A post in a list for superusers, who see inactive categories."""

    category: CategoryRef | None


class PostRead(PostSummary):
    """A post. `content_html` is the sanitised HTML of `content`, which is Markdown."""

    category: CategoryRef | None = Field(validation_alias="shown_category")

    content: str
    content_html: str


class CategoryCreate(Input):
    model_config = example_body({"name": "Field notes", "description": "What we saw on the way."})

    name: CategoryName
    slug: Slug | None = None
    description: CategoryText = ""
    is_active: StrictBool = True


class CategoryUpdate(PartialInput):
    """Changes to a category. Missing fields stay unchanged.

    With `slug: null`, a new slug is generated from the name.
    """

    model_config = example_body({"description": "What we saw on the way."})

    name: CategoryName | MISSING = MISSING
    slug: Slug | MISSING | None = MISSING
    description: CategoryText | MISSING = MISSING
    is_active: StrictBool | MISSING = MISSING


class CategoryRead(Output):
    """A category. `post_count` is the number of public posts in it.

    Only superusers see a category that is not active. The posts of the category stay,
    and show no category.
    """

    id: int
    name: str
    slug: str
    description: str
    is_active: bool
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
    q: Annotated[str | None, Field(max_length=MAX_SEARCH, description=SEARCH)] = None
    sort: Annotated[
        Sort | None,
        Field(description="By default, `relevance` if there is a `q`, otherwise `-published_at`."),
    ] = None

    @field_validator("sort")
    @classmethod
    def _relevant_to_what(cls, sort: Sort | None, info: ValidationInfo) -> Sort | None:
        if sort == "relevance" and info.data.get("q") is None:
            raise PydanticCustomError(
                "relevance_without_q", "Results can be sorted by relevance only if there is a `q`"
            )
        return sort

    @property
    def order(self) -> Sort:
        """Return the order of the results."""
        return self.sort or ("-published_at" if self.q is None else "relevance")

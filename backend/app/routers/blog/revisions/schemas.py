"""Response bodies of the revision routes."""

from datetime import datetime

from pydantic import Field

from app.core.schemas import Output
from app.routers.blog.schemas import AuthorRead


class RevisionSummary(Output):
    """A revision in a list. The revision with the highest id is the current state."""

    id: int = Field(description="Counts from 1 within a post.")
    created_at: datetime
    editor: AuthorRead | None
    title: str


class RevisionRead(RevisionSummary):
    content: str
    excerpt: str


class Replacement(Output):
    before: str
    after: str


class ChangedLines(Output):
    """Lines of the content that were replaced. Either list may be empty."""

    line: int = Field(description="The number of the first of these lines in the old text.")
    before: list[str]
    after: list[str]


class RevisionComparison(Output):
    """The changes from one revision to another. Texts that are equal are null.

    If there is no earlier revision, `against_id` is null, and everything counts as new.
    """

    revision_id: int
    against_id: int | None
    title: Replacement | None
    excerpt: Replacement | None
    content: list[ChangedLines]

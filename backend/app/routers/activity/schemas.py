"""Request and response bodies for the activity routes."""

from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, Field, JsonValue

from app.core.schemas import Output
from app.platform.activity import Kind

MAX_QUERY = 200  # characters


class ActivityRead(Output):
    """An event in the caller's account.

    `summary` is an English sentence. `data` holds the same facts for programs. The
    fields of `data` depend on `kind`.
    """

    id: int
    kind: str
    summary: str
    data: dict[str, JsonValue]
    created_at: datetime


class ActivityCount(Output):
    """The number of events of a kind on a UTC day."""

    day: date
    kind: str
    count: int


class ActivityFilters(BaseModel):
    """Filters for the timeline."""

    kind: Kind | None = None
    q: Annotated[
        str | None,
        Field(max_length=MAX_QUERY, description="Whole words that the summary must contain."),
    ] = None

"""`PageParams` and `CursorParams`, the query parameters of a list."""

from typing import Annotated

from fastapi import Depends, Query, Request

from app.core.errors import raises
from app.core.pagination import MAX_CURSOR, MAX_LIMIT, MAX_OFFSET, InvalidCursor, PageQuery
from app.platform.principal import current_viewer

Cursor = Annotated[
    str | None,
    Query(max_length=MAX_CURSOR, description="The `next_cursor` of the previous page, unchanged."),
]
NOT_BOUND = {"cursor", "limit", "offset"}  # clients may change these from page to page


@raises(InvalidCursor)
def page_query(
    request: Request,
    offset: Annotated[int, Query(ge=0, le=MAX_OFFSET)] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 20,
    cursor: Cursor = None,
) -> PageQuery:
    """Return the page that the client requests.

    A cursor is valid only for the same path, query and caller.
    """

    def bound_to() -> list[object]:
        query = sorted(
            pair for pair in request.query_params.multi_items() if pair[0] not in NOT_BOUND
        )
        return [request.url.path, query, current_viewer(request)]

    return PageQuery(bound_to, offset=offset, limit=limit, cursor=cursor)


@raises(InvalidCursor)
def cursor_query(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 20,
    cursor: Cursor = None,
) -> PageQuery:
    """Return the page that the client requests, of a list without offsets."""
    return page_query(request, 0, limit, cursor)


PageParams = Annotated[PageQuery, Depends(page_query)]
CursorParams = Annotated[PageQuery, Depends(cursor_query)]

"""The paths of the admin's pages, for the metrics."""

from typing import NamedTuple


class Place(NamedTuple):
    """The template of a page's path.

    With real paths, the number of series would be unlimited.
    """

    path: str


STATIC, ANY_PAGE = Place("/admin/static/{path}"), Place("/admin/{page}")

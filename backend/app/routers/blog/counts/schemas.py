"""Response bodies of the numbers of visible posts."""

from app.core.schemas import Output


class AuthorSummary(Output):
    """An author. `post_count` is the number of public posts."""

    id: int
    username: str
    post_count: int


class AuthorCount(Output):
    username: str
    post_count: int


class CategoryCount(Output):
    slug: str
    post_count: int


class MonthCount(Output):
    """The number of posts that were published in a month, in UTC."""

    year: int
    month: int
    post_count: int


class Stats(Output):
    """Numbers of public posts.

    The authors and categories with the most posts come first, at most 100 of each. The
    latest 120 months with posts are listed, latest first.
    """

    posts: int
    by_author: list[AuthorCount]
    by_category: list[CategoryCount]
    by_month: list[MonthCount]

"""Blog routes. The rules and queries are in `service` and `categories`."""

from typing import Annotated

from fastapi import Path, Query, Request, Response, status
from fastapi.responses import RedirectResponse

from app.core.errors import raises
from app.core.pagination import Page
from app.core.text import MAX_SLUG
from app.db.database import db_dependency
from app.platform.openapi_routes import CREATED, MOVED
from app.platform.pagination import PageParams
from app.platform.reading import read_db_dependency
from app.platform.routing import LARGE_BODY, Router
from app.routers.auth.dependencies import OptionalUser, Superuser, VerifiedUser

from . import categories, lists, service
from .caching import cached_until_changed
from .counts import routes as counts_routes
from .dependencies import ManagedCategory, OwnPost, ShownCategory, VisiblePost
from .feeds import routes as feeds_routes
from .models import BlogCategory, BlogPost
from .revisions import routes as revisions_routes
from .schemas import (
    CategoryCreate,
    CategoryRead,
    CategoryUpdate,
    PostCreate,
    PostFilters,
    PostRead,
    PostSummary,
    PostUpdate,
)

router = Router(prefix="/blog", tags=["blog"])
PostSlug = Annotated[str, Path(max_length=MAX_SLUG, examples=["bookings-that-know-about-buffers"])]
CategorySlug = Annotated[str, Path(max_length=MAX_SLUG, examples=["product"])]


@router.get("/posts")
@cached_until_changed
def list_posts(
    db: read_db_dependency,
    user: OptionalUser,
    filters: Annotated[PostFilters, Query()],
    page: PageParams,
) -> Page[PostSummary]:
    """List the posts that the caller may see, without their content.

    Published posts are visible to everyone. With `q`, only the newest 1,000 results are
    sorted by relevance. If there are more, `total` is null.
    """
    return lists.list_posts(db, user, filters, page)


@router.post(
    "/posts",
    status_code=status.HTTP_201_CREATED,
    responses=CREATED,
    response_model=PostRead,
    max_body_size=LARGE_BODY,
)
@raises(service.SlugTaken, service.CategoryUnknown, service.FeaturingReserved)
def create_post(
    db: db_dependency, user: VerifiedUser, data: PostCreate, request: Request, response: Response
) -> BlogPost:
    """Create a post. It is a draft unless `is_published` is true."""
    post = service.create_post(db, user, data)
    response.headers["Location"] = request.url_for("get_post", post_id=post.id).path
    return post


@router.get("/posts/slug/{slug}", response_model=PostRead, responses=MOVED)
@cached_until_changed
@raises(service.PostNotFound)
def get_post_by_slug(
    db: read_db_dependency, user: OptionalUser, slug: PostSlug, request: Request
) -> BlogPost | Response:
    """Read a post by its slug. A former slug leads to the current slug."""
    post = service.find_post_by_slug(db, user, slug)
    if post is not None:
        return post
    current = service.current_slug(db, user, slug)
    path = request.url_for("get_post_by_slug", slug=current).path
    return RedirectResponse(path, status.HTTP_308_PERMANENT_REDIRECT)


@router.get("/posts/{post_id}", response_model=PostRead)
@cached_until_changed
def get_post(post: VisiblePost) -> BlogPost:
    """Read a post with its content.

    A draft can be read only by its author and by superusers.
    """
    return post


@router.put("/posts/{post_id}", response_model=PostRead, max_body_size=LARGE_BODY)
@raises(service.SlugTaken, service.CategoryUnknown, service.FeaturingReserved)
def update_post(db: db_dependency, user: VerifiedUser, post: OwnPost, data: PostUpdate) -> BlogPost:
    """Change one of your own posts. Superusers may change any post."""
    return service.update_post(db, user, post, data)


@router.delete("/posts/{post_id}", status_code=status.HTTP_204_NO_CONTENT)
def delete_post(db: db_dependency, post: OwnPost) -> None:
    """Delete one of your own posts. Superusers may delete any post."""
    service.delete_post(db, post)


@router.get("/categories", response_model=list[CategoryRead])
@cached_until_changed
def list_categories(db: read_db_dependency, user: OptionalUser) -> list[BlogCategory]:
    """List the categories by name, each with the number of public posts in it.

    Only superusers see inactive categories.
    """
    return categories.list_categories(db, user)


@router.get("/categories/slug/{slug}", response_model=CategoryRead)
@cached_until_changed
@raises(categories.CategoryNotFound)
def get_category_by_slug(
    db: read_db_dependency, user: OptionalUser, slug: CategorySlug
) -> BlogCategory:
    """Read a category by its slug."""
    return categories.get_category_by_slug(db, user, slug)


@router.get("/categories/{category_id}", response_model=CategoryRead)
@cached_until_changed
def get_category(category: ShownCategory) -> BlogCategory:
    """Read a category. Only superusers see inactive categories."""
    return category


@router.post(
    "/categories",
    status_code=status.HTTP_201_CREATED,
    responses=CREATED,
    response_model=CategoryRead,
)
@raises(service.SlugTaken, categories.NameTaken)
def create_category(
    db: db_dependency, _user: Superuser, data: CategoryCreate, request: Request, response: Response
) -> BlogCategory:
    """Create a category. Only superusers may do this."""
    category = categories.create_category(db, data)
    response.headers["Location"] = request.url_for("get_category", category_id=category.id).path
    return category


@router.put("/categories/{category_id}", response_model=CategoryRead)
@raises(service.SlugTaken, categories.NameTaken)
def update_category(
    db: db_dependency, category: ManagedCategory, data: CategoryUpdate
) -> BlogCategory:
    """Change a category. Only superusers may do this."""
    return categories.update_category(db, category, data)


@router.delete("/categories/{category_id}", status_code=status.HTTP_204_NO_CONTENT)
def delete_category(db: db_dependency, category: ManagedCategory) -> None:
    """Delete a category. Its posts stay, without a category.

    Only superusers may do this.
    """
    categories.delete_category(db, category)


router.include_router(revisions_routes.router)
router.include_router(counts_routes.router)
router.include_router(feeds_routes.router)

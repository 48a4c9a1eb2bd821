"""How long public responses of the blog are cached."""

from app.platform.cache import cached
from app.routers.auth.models import User

from .models import BlogCategory, BlogPost

cached_until_changed = cached(
    BlogPost,
    BlogCategory,
    User.username,
    due=(BlogPost.published_at, BlogPost.is_published),
)
"""Keep a response until a post, a category or a username changes, or a post is due."""

"""The middlewares of the application, outermost first."""

from starlette.middleware import Middleware

from app.core.config import Settings

from .cache.layer import CacheMiddleware
from .envelope import Envelope


def middleware_stack(settings: Settings) -> list[Middleware]:
    """Return the envelope, and the middleware between it and the routes."""
    return [Middleware(Envelope, settings=settings), Middleware(CacheMiddleware)]

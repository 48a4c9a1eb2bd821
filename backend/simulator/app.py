"""The simulator as an ASGI application."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI
from starlette.routing import Route

import simulator.resources  # noqa: F401 - registers the operations
from simulator import control, control_billing
from simulator.control import Box
from simulator.guard import Guard
from simulator.pages.router import router as pages
from simulator.protocol.dispatch import Dispatcher
from simulator.resources.events import watch_retention
from simulator.settings import Settings
from simulator.state.store import Store
from simulator.webhooks.planning import plan_deliveries


def create_app(settings: Settings) -> FastAPI:
    """Return the application.

    `app.state.box` holds all parts of the simulator, and `app.state.store` its objects.
    """
    store = Store(
        settings.state, seed=settings.seed, base_url=settings.base_url, frozen=settings.now
    )
    store.before_commit = [plan_deliveries, watch_retention]
    box = Box(store, default_webhook=settings.webhook)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        tasks = [
            asyncio.create_task(box.timeline.keep_ticking()),
            asyncio.create_task(box.deliverer.work()),
        ]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        store.close()

    app = FastAPI(
        title="Stripe simulator", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None
    )
    app.state.box = box
    app.state.store = store
    app.add_middleware(Guard, names=settings.names)
    stripe = Dispatcher(store, box.chaos)
    app.router.routes.append(
        Route("/v1{path:path}", stripe)
    )  # Stripe's API is tried first, because it serves most requests
    app.router.default = stripe  # Stripe's API responds to all paths that no router knows
    app.include_router(control.router)
    app.include_router(control_billing.router)
    app.include_router(pages)
    return app

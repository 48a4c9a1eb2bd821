"""The application, which `create_app()` assembles from its parts."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.telemetry import TelemetryConfig

from app.core.announcements import announce
from app.core.config import Settings, get_settings
from app.core.features import BrokenFeature, discover
from app.core.logging import configure_logging, get_logger
from app.core.storage_settings import FolderPlace
from app.db.capacity import check_capacity
from app.db.documents import close_documents
from app.db.migrations import known_revisions
from app.db.replicas import replicas
from app.db.threads import limit_threads
from app.platform.cache.poller import polling
from app.platform.jobs.worker_threads import Worker

from .platform import jobs, middleware, openapi_document, openapi_routes, problems, route_index
from .platform.admin import lazy
from .platform.monitoring import health, metrics, process_metrics
from .platform.monitoring.tracing import tracing
from .platform.pages import demo_pages, dev_mailbox, docs_pages
from .platform.storage import routes as storage_routes

# Time for the email or job in progress to finish. Unfinished work is repeated when its
# lease ends.
WORKER_STOP_SECONDS = 10.0
DESCRIPTION = (
    "Sign up, sell and publish. Errors are `application/problem+json`. Programs should use the "
    "`code` of an error."
)
DEMO = """

Press **Authorize** and sign in as `author@example.com` with the demo password that `make dev`
prints."""


def create_app(settings: Settings | None = None) -> FastAPI:
    """Create the application with all features.

    Raises `BrokenFeature` for a feature folder that cannot be used.
    """
    settings = settings or get_settings()
    configure_logging(settings)
    app = FastAPI(
        title="Liftoff",
        version="1.0.0",
        description=DESCRIPTION if settings.is_deployed else DESCRIPTION + DEMO,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        middleware=middleware.middleware_stack(settings),
        generate_unique_id_function=openapi_routes.operation_id,
        separate_input_output_schemas=False,
        telemetry=_telemetry(settings),
        openapi_tags=[
            *({"name": each.name, "description": each.about} for each in discover()),
            openapi_document.HEALTH,
        ],
        lifespan=_lifespan,
        **openapi_document.application_description(settings),
    )
    problems.install_problem_handlers(app)
    jobs.job_kinds()  # a `jobs.py` that cannot be imported must prevent startup
    _include_routers(app, settings)
    openapi_document.complete_openapi(app, settings.api_prefix)
    if settings.docs_enabled:
        docs_pages.install_docs_pages(
            app, settings.api_prefix, live=settings.environment == "development"
        )
    lazy.install_admin(app)
    route_index.install(app)
    return app


def _telemetry(settings: Settings) -> TelemetryConfig:
    """Return the options of FastAPI's own tracing, which is off unless it is
    configured.

    If it were not switched off explicitly, FastAPI would look for a tracer at every
    request.
    """
    if settings.otel_exporter_otlp_endpoint:  # `core.tracing` sends the spans
        return {"tracing": True, "metrics": False, "logs": False, "auto_configure": False}
    wanted = any(name.startswith(("OTEL_", "FASTAPI_OTEL_")) for name in os.environ)
    return {"tracing": wanted, "metrics": wanted, "logs": wanted}


def _include_routers(app: FastAPI, settings: Settings) -> None:
    for feature in discover():
        router = getattr(feature.module("router"), "router", None)
        if router is None:
            raise BrokenFeature(f"app/routers/{feature.name}/router.py: it must define `router`")
        app.include_router(router, prefix=settings.api_prefix)
    app.include_router(health.router, prefix=settings.api_prefix)
    if isinstance(settings.storage_place, FolderPlace):
        app.include_router(storage_routes.router, prefix=settings.api_prefix)
    if settings.environment == "development":
        app.include_router(dev_mailbox.router, prefix=settings.api_prefix)
        app.include_router(demo_pages.start)
        app.mount(f"{settings.api_prefix}/demo/assets", demo_pages.files)
        app.include_router(demo_pages.router, prefix=settings.api_prefix)
    if settings.metrics_enabled and not settings.metrics_port:
        app.include_router(metrics.router, prefix=settings.api_prefix)


@asynccontextmanager
async def _lifespan(_app: FastAPI) -> AsyncIterator[None]:
    settings = get_settings()
    limit_threads(settings.worker_threads, patience=settings.database_pool_timeout)
    # Called here because the first call is slow, and a health check has a deadline.
    await run_in_threadpool(known_revisions)
    await run_in_threadpool(check_capacity, settings)
    await run_in_threadpool(metrics.remove_files_of_ended)
    announce(settings)
    get_logger("app").info("started", environment=settings.environment, port=settings.port)
    worker = Worker() if settings.embedded_worker else None
    if worker:
        worker.start()
    with tracing("liftoff"), replicas().watched(), process_metrics.sampling():
        async with polling(settings):
            yield
    if worker:
        await run_in_threadpool(worker.stop, WORKER_STOP_SECONDS)
    await run_in_threadpool(close_documents)
    get_logger("app").info("stopped")


app = create_app()

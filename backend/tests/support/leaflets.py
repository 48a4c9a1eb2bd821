"""A feature for tests of the caches. It has public leaflets, and a leaflet that is
scheduled for later.

The module is also a program: `python -m tests.support.leaflets` serves the leaflets.
"""

from datetime import datetime, timedelta
from typing import Annotated

import uvicorn
from fastapi import Depends, FastAPI, Query, status
from sqlalchemy import ForeignKey, Index, String, delete, select, update
from sqlalchemy.orm import Mapped, mapped_column

from app.core.config import get_settings
from app.core.errors import NotFound, raises
from app.core.pagination import Page
from app.core.schemas import Input, Output
from app.core.types import Id
from app.db import clock
from app.db.database import Base, db_dependency
from app.db.pagination import paginate
from app.db.types import PrimaryKey
from app.platform import middleware, openapi_routes, problems
from app.platform.cache import cached
from app.platform.cache.poller import polling
from app.platform.monitoring import health
from app.platform.pagination import PageParams
from app.platform.routing import Router


class Printer(Base):
    """A printer. When a printer is deleted, the database also deletes the printer's
    leaflets.
    """

    __tablename__ = "printers"

    id: Mapped[PrimaryKey]
    name: Mapped[str] = mapped_column(String(40))
    orders: Mapped[int] = mapped_column(default=0)


class Leaflet(Base):
    __tablename__ = "leaflets"
    __table_args__ = (Index(None, "is_public", "shown_from"),)

    id: Mapped[PrimaryKey]
    printer_id: Mapped[int] = mapped_column(ForeignKey("printers.id", ondelete="CASCADE"))
    title: Mapped[str] = mapped_column(String(40))
    is_public: Mapped[bool] = mapped_column(default=True)
    shown_from: Mapped[datetime] = mapped_column(default=clock.now())


TABLES = (Printer, Leaflet)


class LeafletNotFound(NotFound):
    code = "leaflet_not_found"


class LeafletCreate(Input):
    title: str
    after_seconds: float = 0


class LeafletRead(Output):
    id: int
    title: str


router = Router(prefix="/leaflets", tags=["leaflets"])
cached_until_changed = cached(
    Leaflet,
    Printer.name,
    due=(Leaflet.shown_from, Leaflet.is_public),
)
runs: list[str] = []
"""The leaflet ids and tags for which a cached route has computed a response."""

shown = select(Leaflet).where(Leaflet.is_public, Leaflet.shown_from <= clock.now())


@raises(LeafletNotFound)
def shown_leaflet(db: db_dependency, leaflet_id: Id) -> Leaflet:
    leaflet = db.scalar(shown.where(Leaflet.id == leaflet_id))
    if leaflet is None:
        raise LeafletNotFound
    return leaflet


@router.get("")
@cached_until_changed
def list_leaflets(db: db_dependency, page: PageParams, tag: str = "") -> Page[LeafletRead]:
    runs.append(tag)
    return paginate(db, shown.order_by(Leaflet.id), page, LeafletRead)


@router.get("/{leaflet_id}", response_model=LeafletRead)
@cached_until_changed
def get_leaflet(leaflet: Annotated[Leaflet, Depends(shown_leaflet)]) -> Leaflet:
    runs.append(str(leaflet.id))
    return leaflet


@router.post("", status_code=status.HTTP_201_CREATED, response_model=LeafletRead)
def create_leaflet(db: db_dependency, data: LeafletCreate) -> Leaflet:
    printer = db.scalar(select(Printer).limit(1)) or Printer(name="Press")
    db.add(printer)
    db.flush()
    made = Leaflet(
        printer_id=printer.id,
        title=data.title,
        shown_from=clock.now(timedelta(seconds=data.after_seconds)),
    )
    db.add(made)
    db.flush()
    return made


@router.put("/{leaflet_id}", response_model=LeafletRead)
def rename_leaflet(
    db: db_dependency,
    leaflet: Annotated[Leaflet, Depends(shown_leaflet)],
    data: LeafletCreate,
    way: Annotated[str, Query()] = "row",
) -> Leaflet:
    """Change a title, either through the ORM object or with an UPDATE statement."""
    if way == "row":
        leaflet.title = data.title
    else:
        db.execute(update(Leaflet).where(Leaflet.id == leaflet.id).values(title=data.title))
        db.refresh(leaflet)
    db.flush()
    return leaflet


@router.delete("/{leaflet_id}", status_code=status.HTTP_204_NO_CONTENT)
def delete_leaflet(db: db_dependency, leaflet_id: Id) -> None:
    db.execute(delete(Leaflet).where(Leaflet.id == leaflet_id))


def leaflet_app() -> FastAPI:
    app = FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        middleware=middleware.middleware_stack(get_settings()),
        generate_unique_id_function=openapi_routes.operation_id,
        lifespan=lambda _: polling(get_settings()),
    )
    problems.install_problem_handlers(app)
    app.include_router(router)
    app.include_router(health.router)
    return app


if __name__ == "__main__":
    settings = get_settings()
    uvicorn.run(leaflet_app(), host=settings.host, port=settings.port, log_config=None)

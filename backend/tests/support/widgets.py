"""A feature made for tests, so that tests of core, db and platform need no real
feature.
"""

from datetime import date
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import Depends, FastAPI, Response, status
from sqlalchemy import CheckConstraint, ForeignKey, Select, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.core.config import get_settings
from app.core.errors import Conflict, NotFound, raises
from app.core.pagination import Page
from app.core.schemas import Input, Output
from app.core.types import Id
from app.db.database import Base, db_dependency
from app.db.errors import conflicts
from app.db.mixins import Timestamps
from app.db.pagination import paginate
from app.db.slug_history import FormerSlug
from app.db.types import ExactDecimal, PrimaryKey
from app.platform import middleware, openapi_routes, problems
from app.platform.pagination import PageParams
from app.platform.routing import Router


class Widget(Timestamps, Base):
    __tablename__ = "widgets"

    id: Mapped[PrimaryKey]
    name: Mapped[str] = mapped_column(String(40), unique=True)
    weight: Mapped[int] = mapped_column(default=0)


class Gadget(Base):
    """A row for tests of the lists, slugs and references that features share."""

    __tablename__ = "gadgets"
    __table_args__ = (
        UniqueConstraint("owner_id", "slug"),
        CheckConstraint("owner_id > 0", name="owned"),
    )

    id: Mapped[PrimaryKey]
    owner_id: Mapped[int] = mapped_column(default=1)
    slug: Mapped[str] = mapped_column(String(120))
    price: Mapped[Decimal | None] = mapped_column(ExactDecimal(8, 3))
    bought_on: Mapped[date | None]
    shiny: Mapped[bool | None]
    serial: Mapped[UUID | None]


class FormerGadgetSlug(FormerSlug, Base):
    __tablename__ = "former_gadget_slugs"

    row_id: Mapped[int] = mapped_column(ForeignKey("gadgets.id", ondelete="CASCADE"), index=True)


class WidgetNotFound(NotFound):
    code = "widget_not_found"


class NameTaken(Conflict):
    code = "name_taken"


class WidgetCreate(Input):
    name: str
    weight: int = 0


class WidgetRead(Output):
    id: int
    name: str
    weight: int


router = Router(prefix="/widgets", tags=["widgets"])


def add_widget(db: Session, data: WidgetCreate) -> Widget:
    widget = Widget(name=data.name, weight=data.weight)
    db.add(widget)
    with conflicts({"uq_widgets_name": NameTaken}):
        db.flush()
    return widget


@raises(WidgetNotFound)
def own_widget(db: db_dependency, widget_id: Id) -> Widget:
    widget = db.scalar(select(Widget).where(Widget.id == widget_id))
    if widget is None:
        raise WidgetNotFound
    return widget


OwnWidget = Annotated[Widget, Depends(own_widget)]


def by_weight() -> Select[Widget]:
    return select(Widget).order_by(Widget.weight.desc(), Widget.id.desc())


@router.get("")
def list_widgets(db: db_dependency, page: PageParams) -> Page[WidgetRead]:
    return paginate(db, by_weight(), page, WidgetRead)


@router.post("", status_code=status.HTTP_201_CREATED, response_model=WidgetRead)
@raises(NameTaken)
def create_widget(
    db: db_dependency, data: WidgetCreate, response: Response, note: str = ""
) -> Widget:
    widget = add_widget(db, data)
    response.headers["Location"] = f"/widgets/{widget.id}"
    return widget


@router.get("/{widget_id}", response_model=WidgetRead)
def get_widget(widget: OwnWidget) -> Widget:
    return widget


@router.put("/{widget_id}", response_model=WidgetRead)
@raises(NameTaken)
def update_widget(db: db_dependency, widget: OwnWidget, data: WidgetCreate) -> Widget:
    widget.name, widget.weight = data.name, data.weight
    with conflicts({"uq_widgets_name": NameTaken}):
        db.flush()
    return widget


@router.post("/then-fail")
def fail_after_flush(db: db_dependency, data: WidgetCreate) -> None:
    add_widget(db, data)
    raise RuntimeError("after the flush")


@router.post("/wrong-answer", response_model=WidgetRead)
def answer_wrongly(db: db_dependency, data: WidgetCreate) -> dict[str, str]:
    return {"name": add_widget(db, data).name}


@router.post("/commit-in-route", response_model=WidgetRead)
def commit_in_route(db: db_dependency, data: WidgetCreate) -> Widget:
    """Commit in the route, as many tutorials do."""
    widget = Widget(name=data.name, weight=data.weight)
    db.add(widget)
    db.commit()
    db.refresh(widget)
    return widget


def widget_app() -> FastAPI:
    """Return the platform with only this feature."""
    app = FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        middleware=middleware.middleware_stack(get_settings()),
        generate_unique_id_function=openapi_routes.operation_id,
    )
    problems.install_problem_handlers(app)
    app.include_router(router)
    return app

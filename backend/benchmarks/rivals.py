"""The servers that `benchmarks.speed` compares with Liftoff, on one database.

| Rival | What it shows |
|---|---|
| `/bare` | only FastAPI: an async handler that sends bytes |
| `/raw/…` | only psycopg2: one statement in one thread; the database makes the JSON |
| `/tutorial/…` | most tutorials: a sync generator, entities, a response model |

The tutorial's access token is the id of the user. A real token also has a signature to
check, so this rival has less to do than Liftoff.
"""

import json
import os
import queue
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import psycopg2
from fastapi import Depends, FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.security import OAuth2PasswordBearer
from pydantic import BaseModel, ConfigDict
from sqlalchemy import ForeignKey, create_engine, func, select
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    joinedload,
    mapped_column,
    relationship,
    sessionmaker,
)

from app.db.urls import normalise_database_url

URL = os.environ["BENCHMARK_URL"]
BODY = b"x" * int(os.environ["BENCHMARK_BYTES"])
CONNECTIONS = 20
PAGE = """
SELECT json_build_object('items', json_agg(found)) FROM (
    SELECT p.id, p.title, p.slug, p.excerpt, p.is_published, p.is_featured, p.published_at,
        p.created_at, p.updated_at,
        json_build_object('id', u.id, 'username', u.username) AS author,
        CASE WHEN c.id IS NOT NULL
            THEN json_build_object('id', c.id, 'name', c.name, 'slug', c.slug) END AS category
    FROM blog_posts p
    JOIN users u ON u.id = p.author_id
    LEFT JOIN blog_categories c ON c.id = p.category_id
    WHERE p.is_published AND p.published_at <= now()
    ORDER BY p.published_at DESC, p.id DESC LIMIT 20
) AS found"""
ME = "SELECT id, username, email, is_verified, is_superuser, created_at FROM users WHERE id = 1"
INSERT = """
INSERT INTO blog_posts AS p (author_id, title, slug, content, excerpt, is_published,
    is_featured, created_at, updated_at, published_at)
VALUES (1, %s, %s, %s, '', true, false, now(), now(), now() - interval '3 days')
RETURNING row_to_json(p)"""

app = FastAPI(openapi_url=None)
connections: queue.LifoQueue[Any] = queue.LifoQueue()
for _ in range(CONNECTIONS):
    connections.put(psycopg2.connect(URL.replace("+psycopg2", "")))


def first_row(sql: str, values: tuple[Any, ...] = (), *, commits: bool = False) -> Any:
    connection = connections.get()
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            row = cursor.fetchone()
        if commits:
            connection.commit()
        else:
            connection.rollback()
        return row
    finally:
        connections.put(connection)


def as_json(value: Any, status: int = 200) -> Response:
    return Response(json.dumps(value, default=str), status, media_type="application/json")


@app.get("/health/live")  # the benchmark waits until this route responds
@app.get("/bare")
async def bare() -> Response:
    return Response(BODY, media_type="application/json")


@app.get("/raw/me")
def raw_me() -> Response:
    return as_json(first_row(ME))


@app.get("/raw/posts")
def raw_page() -> Response:
    return as_json(first_row(PAGE)[0])


@app.get("/raw/posts/{post_id}")
def raw_post(post_id: int) -> Response:
    sql = "SELECT row_to_json(p) FROM blog_posts p WHERE id = %s"
    return as_json(first_row(sql, (post_id,))[0])


@app.post("/raw/posts")
async def raw_create(request: Request) -> Response:
    sent = json.loads(await request.body())
    values = (sent["title"], uuid.uuid4().hex, sent["content"])
    row = await run_in_threadpool(first_row, INSERT, values, commits=True)
    return as_json(row[0], 201)


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str]
    email: Mapped[str]
    is_verified: Mapped[bool]
    is_superuser: Mapped[bool]
    created_at: Mapped[datetime]


class Category(Base):
    __tablename__ = "blog_categories"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    slug: Mapped[str]


class Post(Base):
    __tablename__ = "blog_posts"

    id: Mapped[int] = mapped_column(primary_key=True)
    author_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    category_id: Mapped[int | None] = mapped_column(ForeignKey("blog_categories.id"))
    title: Mapped[str]
    slug: Mapped[str]
    content: Mapped[str]
    excerpt: Mapped[str]
    is_published: Mapped[bool]
    is_featured: Mapped[bool]
    published_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    author: Mapped[User] = relationship()
    category: Mapped[Category | None] = relationship()


class FromRow(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int


class AuthorRead(FromRow):
    username: str


class CategoryRead(FromRow):
    name: str
    slug: str


class UserRead(AuthorRead):
    email: str
    is_verified: bool
    is_superuser: bool
    created_at: datetime


class PostInPage(FromRow):
    title: str
    slug: str
    excerpt: str
    is_published: bool
    is_featured: bool
    published_at: datetime | None
    created_at: datetime
    updated_at: datetime
    author: AuthorRead
    category: CategoryRead | None


class PostRead(PostInPage):
    content: str


class Page(BaseModel):
    items: list[PostInPage]
    total: int


class PostCreate(BaseModel):
    title: str
    content: str


engine = create_engine(normalise_database_url(URL), pool_size=CONNECTIONS, pool_pre_ping=True)
TutorialSession = sessionmaker(engine, expire_on_commit=False)
bearer = OAuth2PasswordBearer(tokenUrl="token")


def get_session() -> Iterator[Session]:
    with TutorialSession() as db:
        yield db


Database = Annotated[Session, Depends(get_session)]


def current_user(db: Database, token: Annotated[str, Depends(bearer)]) -> User:
    return db.get_one(User, int(token))


@app.get("/tutorial/me", response_model=UserRead)
def tutorial_me(user: Annotated[User, Depends(current_user)]) -> User:
    return user


@app.get("/tutorial/posts", response_model=Page)
def tutorial_page(db: Database, offset: int = 0, limit: int = 20) -> dict[str, Any]:
    visible = (Post.is_published, Post.published_at <= datetime.now(UTC))
    posts = (
        select(Post)
        .where(*visible)
        .options(joinedload(Post.author), joinedload(Post.category))
        .order_by(Post.published_at.desc(), Post.id.desc())
        .offset(offset)
        .limit(limit)
    )
    total = db.scalar(select(func.count()).select_from(Post).where(*visible))
    return {"items": db.scalars(posts).all(), "total": total}


@app.get("/tutorial/posts/{post_id}", response_model=PostRead)
def tutorial_post(db: Database, post_id: int) -> Post:
    return db.get_one(Post, post_id)


@app.post("/tutorial/posts", response_model=PostRead, status_code=201)
def tutorial_create(
    db: Database, user: Annotated[User, Depends(current_user)], sent: PostCreate
) -> Post:
    moment = datetime.now(UTC)
    post = Post(
        **sent.model_dump(),
        author_id=user.id,
        slug=uuid.uuid4().hex,
        excerpt="",
        is_published=True,
        is_featured=False,
        published_at=moment,
        created_at=moment,
        updated_at=moment,
    )
    db.add(post)
    db.commit()
    db.refresh(post)
    return post

"""The numbers of posts stay exact while posts change, and while jobs count them.

Each of these tests runs real transactions at the same time. SQLite is left out, because
only one transaction can write there at a time.
"""

import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, wait
from concurrent.futures import TimeoutError as StillWaiting
from contextlib import contextmanager, suppress
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm.exc import StaleDataError

from app.core.types import utc_now
from app.db.database import SessionLocal
from app.routers.blog import categories, service
from app.routers.blog.counts import folding, recounting, stats, uncounting
from app.routers.blog.counts.counters import lock_counters
from app.routers.blog.models import BlogCategory, BlogCount, BlogPost, BlogUncounted, CountKind
from app.routers.blog.queries import is_public
from tests.auth.factories import make_user
from tests.blog.factories import make_category, make_post

pytestmark = pytest.mark.only("postgresql", "mysql")
BLOCKED = 0.4  # seconds; a transaction that does not have to wait ends sooner


@pytest.fixture
def thread():
    with ThreadPoolExecutor(1) as pool:
        yield pool


@contextmanager
def transaction():
    with SessionLocal() as db, db.begin():
        yield db


def numbers():
    """Return the numbers that readers see: the total, and the number for each
    category.
    """
    with SessionLocal() as db:
        found = stats.read_stats(db)
    return found["posts"], {row["slug"]: row["post_count"] for row in found["by_category"]}


def true_numbers():
    with SessionLocal() as db:
        rows = db.execute(
            select(BlogCategory.slug)
            .select_from(BlogPost)
            .outerjoin(BlogCategory, BlogCategory.id == BlogPost.category_id)
            .where(is_public())
        ).all()
    return len(rows), dict(Counter(row.slug for row in rows if row.slug))


def stored():
    """Return the counters of all rounds, without the posts that wait for the job."""
    with SessionLocal() as db:
        rows = db.execute(select(BlogCount.round, BlogCount.kind, BlogCount.value, BlogCount.count))
        return {tuple(row[:3]): row[3] for row in rows}


def test_a_change_that_overtakes_the_job_is_counted(committed, thread):
    """The post was read before it was counted, and is changed afterwards.

    | writer | job |
    |---|---|
    | reads the post, not counted | |
    | | counts it in the first category |
    | moves it to the second category | |
    """
    first, second = make_category(), make_category()
    post = make_post(make_user(), category_id=first.id)
    with SessionLocal() as db:
        row = db.get_one(BlogPost, post.id)
        db.commit()  # ends the transaction that has read the post
        folding.fold()
        assert not row.is_counted
        row.category_id = second.id
        db.commit()
    assert numbers() == true_numbers() == (1, {second.slug: 1})
    folding.fold()
    assert numbers() == (1, {second.slug: 1})
    with SessionLocal() as db:
        counters = select(func.count(BlogCount.id)).where(BlogCount.kind == CountKind.CATEGORY)
        assert db.scalar(counters) == 1


def test_the_job_skips_a_post_that_is_being_changed(committed):
    author = make_user()
    busy, free = make_post(author), make_post(author)
    with transaction() as db:
        uncounting.note(db.connection(), [busy.id])
        assert folding.fold().counted == 1
    assert numbers() == (2, {})
    with SessionLocal() as db:
        assert db.get_one(BlogPost, free.id).is_counted
        assert not db.get_one(BlogPost, busy.id).is_counted


def test_a_writer_does_not_wait_for_the_counters(committed):
    """Writers only add rows, so they never need the lock on the counters."""
    author = make_user()
    posts = [make_post(author) for _ in range(2)]
    folding.fold()
    with transaction() as holder:
        lock_counters(holder)
        with transaction() as db:
            db.get_one(BlogPost, posts[0].id).is_published = False
        with transaction() as db:
            service.delete_post(db, db.get_one(BlogPost, posts[1].id))
        make_post(author)
        assert numbers() == (1, {})


def test_two_writers_of_different_posts_do_not_wait(committed):
    author = make_user()
    posts = [make_post(author) for _ in range(2)]
    folding.fold()
    with transaction() as one, transaction() as two:
        for db, post in ((one, posts[0]), (two, posts[1])):
            db.get_one(BlogPost, post.id).is_published = False
            db.flush()
    assert numbers() == (0, {})


def test_a_category_is_deleted_while_its_posts_are_counted(committed, thread):
    """The deletion waits for the job, and then removes what the job has counted.

    | job | request |
    |---|---|
    | locks the post, counts it | |
    | | deletes the category, waits for the post |
    | commits | |
    | | removes the counter of the category |
    """
    category = make_category()
    post = make_post(make_user(), category_id=category.id)

    def delete():
        with transaction() as db:
            categories.delete_category(db, db.get_one(BlogCategory, category.id))

    with transaction() as db:
        db.execute(select(BlogPost.id).where(BlogPost.id == post.id).with_for_update())
        folding.count_batch(db, [post.id])  # not committed yet
        deletion = thread.submit(delete)
        with pytest.raises(StillWaiting):
            deletion.result(BLOCKED)
    deletion.result(60)
    assert numbers() == (1, {})
    assert CountKind.CATEGORY not in {kind for _, kind, _ in stored()}
    assert recounting.recount(budget=None).finished
    assert numbers() == (1, {})


def test_a_recount_is_exact_though_posts_change_meanwhile(committed, monkeypatch):
    """Between the batches of the recount, posts before and after its position are
    changed and counted.
    """
    author = make_user()
    here, there = make_category(), make_category()
    posts = [make_post(author, category_id=here.id) for _ in range(9)]
    folding.fold()
    monkeypatch.setattr(recounting, "SIZE", 3)
    left = iter((posts[:2], posts[3:5], posts[6:8]))
    read = recounting.read_batch

    def interrupted(db, round_, wanted):
        if pair := next(left, None):
            moved, gone = pair
            with transaction() as other:
                other.get_one(BlogPost, moved.id).category_id = there.id
            with transaction() as other:
                service.delete_post(other, other.get_one(BlogPost, gone.id))
            make_post(author, category_id=there.id)
            if moved is not posts[3]:
                folding.fold()
        return read(db, round_, wanted)

    monkeypatch.setattr(recounting, "read_batch", interrupted)
    assert recounting.recount(budget=None).finished
    assert numbers() == true_numbers() == (9, {here.slug: 3, there.slug: 6})
    folding.fold()
    assert numbers() == (9, {here.slug: 3, there.slug: 6})
    assert stored() == {
        (1, "total", 0): 9,
        (1, "author", author.id): 9,
        (1, "category", here.id): 3,
        (1, "category", there.id): 6,
        (1, "month", uncounting.month_of(posts[0].published_at)): 9,
    }


def test_an_interrupted_recount_continues(committed, monkeypatch):
    author = make_user()
    for _ in range(5):
        make_post(author)
    folding.fold()
    monkeypatch.setattr(recounting, "SIZE", 2)
    first = recounting.recount(budget=0)
    assert (first.rows, first.finished) == (2, False)
    assert numbers() == (5, {})
    second = recounting.recount(budget=None)
    assert second.finished
    assert {round_ for round_, _, _ in stored()} == {1}
    assert numbers() == (5, {})


@pytest.mark.slow
def test_the_numbers_are_exact_under_random_changes(committed, monkeypatch):
    """Four writers, two jobs and a recount work at the same time for a while."""
    monkeypatch.setattr(recounting, "SIZE", 5)
    author = make_user()
    places = [make_category().id for _ in range(3)] + [None]
    for _ in range(40):
        make_post(author, category_id=random.choice(places))  # noqa: S311 - chance, not secrecy
    ended = threading.Event()
    wrong: list[object] = []

    def write(seed):
        chance = random.Random(seed)  # noqa: S311 - as above
        for _ in range(60):
            change_one(chance, author, places)

    def repeat(work):
        while not ended.is_set():
            work()

    def look():
        with SessionLocal() as db:
            found = stats.read_stats(db)
        sums = {sum(row["post_count"] for row in found[part]) for part in ("by_author", "by_month")}
        wrong.extend(sums - {found["posts"]})

    with ThreadPoolExecutor(8) as pool:
        jobs = (folding.fold, folding.fold, lambda: recounting.recount(budget=None), look)
        others = [pool.submit(repeat, job) for job in jobs]
        writers = [pool.submit(write, seed) for seed in range(4)]
        wait(writers, timeout=60)
        ended.set()
        for done in (*writers, *others):
            done.result(30)
    assert wrong == []
    assert numbers() == true_numbers()
    assert folding.fold().finished
    assert numbers() == true_numbers()
    before = stored()
    recounting.recount(budget=None)
    assert {key[1:]: value for key, value in stored().items()} == {
        key[1:]: value for key, value in before.items()
    }
    with SessionLocal() as db:
        assert db.scalars(select(BlogUncounted)).all() == []


def change_one(chance, author, places):
    """Create, move, hide, show or delete a post, or change its date."""
    if chance.random() < 0.2:
        make_post(author, category_id=chance.choice(places))
        return
    with suppress(StaleDataError, service.PostNotFound), transaction() as db:
        # Another writer may have deleted the post already.
        post = db.get(BlogPost, chance.choice(db.scalars(select(BlogPost.id)).all()))
        match chance.randrange(5):
            case _ if post is None:
                pass
            case 0:
                post.category_id = chance.choice(places)
            case 1:
                post.is_published = not post.is_published
            case 2:
                post.published_at = utc_now() - timedelta(days=chance.randrange(1, 900))
            case 3:
                post.title = f"Title {chance.random()}"
            case 4:
                service.delete_post(db, post)

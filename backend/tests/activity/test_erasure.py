"""Erasure and expiry of timelines."""

from datetime import timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import make_transient

from app.db import clock
from app.platform.housekeeping import ENTRIES_KEPT
from app.platform.jobs import job_runs
from app.platform.models import ActivityEntry, Job
from app.routers.activity import moving
from app.routers.activity.events import KEPT
from app.routers.activity.models import Activity
from tests.activity.steps import record, recorded, summaries
from tests.auth.factories import PASSWORD, make_user
from tests.support.jobs import purge


def number(db, model, user):
    return db.scalar(select(func.count()).select_from(model).where(model.user_id == user.id))


def run_jobs(db):
    while db.scalar(select(func.count()).where(Job.due_at <= clock.now(), Job.key.is_(None))):
        job_runs.run_next()


def test_a_deleted_account_takes_its_timeline_along(client, db, login):
    other = make_user()
    recorded(other, "Theirs.")
    user = login(make_user())
    recorded(user, "Moved.")
    record(user, "Waiting.")
    answer = client.post("/auth/delete-account", json={"password": PASSWORD})
    assert answer.status_code == 204
    run_jobs(db)
    assert (number(db, Activity, user), number(db, ActivityEntry, user)) == (0, 0)
    assert number(db, Activity, other) == 1


def test_a_timeline_is_erased_once_more_after_a_while(client, db, login):
    """An event that another worker was moving may arrive after the first erasure."""
    user = login(make_user())
    client.post("/auth/delete-account", json={"password": PASSWORD})
    run_jobs(db)
    (again,) = db.scalars(select(Job).where(Job.kind == "activity.erase"))
    assert again.payload == {"user_id": user.id, "again": True}
    recorded(user, "Late.")
    db.execute(update(Job).where(Job.id == again.id).values(due_at=clock.now()))
    run_jobs(db)
    assert number(db, Activity, user) == 0
    assert db.scalars(select(Job).where(Job.kind == "activity.erase")).all() == []


def test_old_events_are_purged(client, db, login):
    user = login(make_user())
    recorded(user, "Old.", "New.")
    old = clock.now(-KEPT - timedelta(hours=1))
    db.execute(update(Activity).where(Activity.summary == "Old.").values(created_at=old))
    purge(db)
    assert summaries(client.get("/activity?kind=post")) == ["New."]


def test_entries_that_nobody_fetches_are_purged(db):
    user = make_user()
    record(user, "Old.", "New.")
    old = clock.now(-ENTRIES_KEPT - timedelta(hours=1))
    db.execute(update(ActivityEntry).where(ActivityEntry.summary == "Old.").values(created_at=old))
    purge(db)
    assert db.scalars(select(ActivityEntry.summary)).all() == ["New."]


def test_ids_of_the_outbox_are_never_used_again(committed):
    user = make_user()
    recorded(user, "One.")
    recorded(user, "Two.")
    with committed() as db:
        assert number(db, Activity, user) == 2


def test_events_that_moved_already_are_not_added_again(db):
    """A worker may die after it has written to one database and before it commits in
    the other. Then the entries stay in the outbox.
    """
    user = make_user()
    record(user, "One.")
    entry = db.scalars(select(ActivityEntry)).one()
    moving.move_events()
    make_transient(entry)
    db.add(entry)
    db.commit()
    moving.move_events()
    assert (number(db, Activity, user), number(db, ActivityEntry, user)) == (1, 0)

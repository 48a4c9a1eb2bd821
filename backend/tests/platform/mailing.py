"""Put an email into the queue, for tests about sending."""

from sqlalchemy import select

from app.db.database import SessionLocal
from app.platform import mail
from app.platform.models import Mail

LINK = "https://app.example.com/verify-email?token=a-token-of-nobody"


def queue(to="ada@example.com", username="ada", link=LINK):
    with SessionLocal() as db, db.begin():
        mail.queue_mail(db, to, "auth/verify_email", username=username, link=link, hours=24)


def the_mail():
    with SessionLocal() as db:
        return db.scalars(select(Mail)).one()

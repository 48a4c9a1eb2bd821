"""Each email is a row that the request's transaction commits. It is sent once, stays
secret, and is never lost (R10).
"""

import time
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from jinja2 import FileSystemLoader, PrefixLoader, UndefinedError
from sqlalchemy import text, update

from app.core.config import get_settings
from app.db.database import SessionLocal
from app.platform import mail, templates
from app.platform.mail import outbox
from app.platform.models import Mail
from tests.platform.mailing import LINK, queue, the_mail


def test_an_email_is_delivered_once_with_the_expected_headers(committed, smtp):
    queue()
    assert outbox.send_due()
    assert not outbox.send_due()
    (sent,) = smtp.taken
    assert smtp.recipients == ["ada@example.com"]
    assert (sent["To"], sent["From"], sent["Subject"]) == (
        "ada@example.com",
        "liftoff@example.com",
        "Confirm your email address",
    )
    assert sent["Message-ID"] == the_mail().message_id
    assert sent["Auto-Submitted"] == "auto-generated"
    assert abs(sent["Date"].datetime - datetime.now(UTC)) < timedelta(minutes=1)
    assert LINK in sent.get_body(("plain",)).get_content()
    assert f'href="{LINK}"' in sent.get_body(("html",)).get_content()


def test_a_request_that_fails_leaves_no_mail(committed, smtp):
    with SessionLocal() as db:
        mail.queue_mail(db, "ada@example.com", "auth/password_changed", username="ada")
        db.rollback()
    assert not outbox.send_due()
    assert smtp.received == []


def test_tokens_are_encrypted_in_the_outbox_and_gone_once_sent(committed, smtp):
    queue()
    with SessionLocal() as db:
        stored = db.execute(text("SELECT * FROM mails")).one()
    assert "a-token-of-nobody" not in repr(stored)
    assert "a-token-of-nobody" in mail.read_mail(the_mail()).text
    outbox.send_due()
    assert the_mail().body is None


def test_development_keeps_what_was_sent(committed, smtp, settings):
    settings(ENVIRONMENT="development", EMBEDDED_WORKER="false")
    queue()
    outbox.send_due()
    assert the_mail().sent_at
    assert LINK in mail.read_mail(the_mail()).html


def test_without_a_mail_server_mails_wait_untried(committed):
    queue()
    assert not outbox.send_due()
    assert (the_mail().attempts, the_mail().dead_at) == (0, None)


@pytest.mark.parametrize(
    "address",
    [
        "ada@example.com\r\nBcc: eve@example.com",
        "Ada <ada@example.com>",
        "ada@example.com, eve@example.com",
        "ada@example.com\n",
        "",
    ],
)
def test_an_address_that_reaches_into_other_headers_is_refused(committed, address):
    """Security requirement 47."""
    with pytest.raises(ValueError, match=r".+"):
        queue(to=address)


def test_no_value_becomes_a_header_or_markup(committed, smtp, tmp_path, monkeypatch):
    """Security requirements 36 and 47."""
    (tmp_path / "odd.txt").write_text("Subject: Hello {{ username }}\n\n{{ username }}")
    (tmp_path / "odd.html").write_text("<p>{{ username }}</p>")
    loader = templates.template_environment().loader
    assert isinstance(loader, PrefixLoader)
    monkeypatch.setitem(loader.mapping, "odd", FileSystemLoader(tmp_path))
    with SessionLocal() as db, db.begin():
        mail.queue_mail(
            db, "ada@example.com", "odd/odd", username="<b>x</b>\r\x0bBcc: eve@example.com"
        )
    outbox.send_due()
    (sent,) = smtp.taken
    assert sent["Bcc"] is None
    assert sent["Subject"] == "Hello <b>x</b> Bcc: eve@example.com"
    assert "<b>" not in sent.get_body(("html",)).get_content()
    assert smtp.recipients == ["ada@example.com"]


def test_a_missing_template_value_fails_the_request(committed):
    with SessionLocal() as db, pytest.raises(UndefinedError, match="link"):
        mail.queue_mail(db, "ada@example.com", "auth/verify_email", username="ada", hours=24)


def test_a_mail_of_another_secret_key_waits_for_the_right_one(committed, smtp, settings):
    right = get_settings().secret_key.get_secret_value()
    queue()
    settings(SECRET_KEY="another key that somebody set by mistake")
    outbox.send_due()
    waiting = the_mail()
    assert "SECRET_KEY" in waiting.last_error
    assert (waiting.dead_at, waiting.due_at > datetime.now(UTC)) == (None, True)
    settings(SECRET_KEY=right)
    with time_machine.travel(waiting.due_at + timedelta(seconds=1)):
        assert outbox.send_due()
    assert LINK in smtp.taken[0].get_body(("plain",)).get_content()


@pytest.mark.parametrize(
    "change",
    [{"body": None}, {"recipient": "ada@example.com@"}, {"subject": "one\nBcc: eve@example.com"}],
)
def test_an_email_that_cannot_be_written_is_dead_at_once(committed, smtp, change):
    """The recipient or the content of the email is wrong, so no change of settings can
    help.
    """
    queue()
    with SessionLocal() as db, db.begin():
        db.execute(update(Mail).values(change))
    outbox.send_due()
    assert the_mail().dead_at
    assert the_mail().attempts == 1
    assert smtp.connections == 0


def test_a_sender_of_an_international_domain_is_idna_encoded(committed, smtp, settings):
    settings(MAIL_FROM="Müller, Söhne & Co. <Post@Müller.example.com>")
    queue()
    outbox.send_due()
    (sent,) = smtp.taken
    (sender,) = sent["From"].addresses
    assert (sender.display_name, sender.addr_spec) == (
        "Müller, Söhne & Co.",
        "Post@xn--mller-kva.example.com",
    )
    assert smtp.senders == ["Post@xn--mller-kva.example.com"]
    assert sent["Message-ID"].endswith("@xn--mller-kva.example.com>")


def test_queueing_costs_a_request_a_millisecond_or_so(committed):
    """Security requirement 4 depends on this: a stranger must not be able to measure
    whether an email is queued.
    """
    queue()
    began = time.perf_counter()
    with SessionLocal() as db:
        for _ in range(50):
            mail.queue_mail(
                db, "ada@example.com", "auth/verify_email", username="ada", link=LINK, hours=24
            )
        db.rollback()
    assert (time.perf_counter() - began) / 50 < 0.01

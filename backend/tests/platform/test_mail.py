"""Mail: a row of the transaction, sent once, kept secret, never lost
(R10).
"""

import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
import time_machine
from jinja2 import FileSystemLoader, PrefixLoader, UndefinedError
from sqlalchemy import select, text, update
from sqlalchemy.exc import OperationalError

from app.core.config import get_settings
from app.db.database import SessionLocal
from app.platform import mail, templates
from app.platform.mail import outbox
from app.platform.models import Mail
from app.platform.queues.leases import delay_after
from tests.support.server import free_port

LINK = "https://app.example.com/verify-email?token=a-token-of-nobody"


def queue(to="ada@example.com", username="ada", link=LINK):
    with SessionLocal() as db, db.begin():
        mail.queue_mail(db, to, "auth/verify_email", username=username, link=link, hours=24)


def the_mail():
    with SessionLocal() as db:
        return db.scalars(select(Mail)).one()


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


@pytest.mark.parametrize(
    ("where", "answer"),
    [
        ("rcpt_answer", "550 5.1.1 no such mailbox"),
        ("rcpt_answer", "556 5.1.10 this domain takes no mail"),
        ("rcpt_answer", "553 mailbox name not allowed"),
        ("data_answer", "550 5.1.1 no such mailbox after all"),
        ("data_answer", "554 5.6.0 malformed"),
    ],
)
def test_a_permanent_refusal_is_a_dead_letter_at_once(committed, smtp, where, answer):
    """Subjects 1 and 6 of RFC 3463, section 3."""
    setattr(smtp, where, answer)
    queue()
    outbox.send_due()
    assert the_mail().dead_at
    assert answer in the_mail().last_error
    assert the_mail().due_at is None


@pytest.mark.parametrize(
    ("where", "answer"),
    [
        ("rcpt_answer", "554 5.7.1 relay access denied"),
        ("rcpt_answer", "550 relay not permitted"),
        ("rcpt_answer", "550 5.7.1 your address is on a list"),
        ("rcpt_answer", "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)"),
        ("rcpt_answer", "553 5.1.8 sender address rejected: domain not found"),
        ("rcpt_answer", "550 5.1.7 bad sender address"),
        ("rcpt_answer", "552 5.2.2 mailbox full"),
        ("rcpt_answer", "551 user not local"),
        ("rcpt_answer", "550 5.4.4 unable to route"),
        ("rcpt_answer", "554 5.3.2 system not accepting messages"),
        ("data_answer", "554 5.7.1 blocked by policy"),
        ("data_answer", "553 not now"),
        ("data_answer", "554 transaction failed"),
        ("rcpt_answer", "450 5.1.1 greylisted"),
        ("rcpt_answer", "452 later"),
        ("rcpt_answer", "421 closing"),
        ("data_answer", "451 later"),
    ],
)
def test_what_an_operator_or_time_can_mend_is_tried_again(committed, smtp, where, answer):
    """R10: a relay that is denied by mistake for an hour must not lose any email."""
    setattr(smtp, where, answer)
    queue()
    outbox.send_due()
    waiting = the_mail()
    assert waiting.dead_at is None
    assert waiting.last_error.startswith("MAIL_FROM: ") == ("sender" in answer)
    assert waiting.due_at > datetime.now(UTC) + timedelta(seconds=3)
    setattr(smtp, where, "")
    with time_machine.travel(waiting.due_at + timedelta(seconds=1)):
        assert outbox.send_due()
    assert len(smtp.taken) == 1
    assert the_mail().sent_at


def test_a_refusal_quoting_the_email_stores_no_token(committed, smtp):
    """Security requirement 55."""
    smtp.data_answer = f"554 5.6.0 spam: {LINK}"
    queue()
    outbox.send_due()
    assert "spam" in the_mail().last_error
    assert "a-token-of-nobody" not in the_mail().last_error


def test_a_connection_lost_after_the_data_retries_with_one_id(committed, smtp):
    smtp.drop_after_data = True
    queue()
    outbox.send_due()
    smtp.drop_after_data = False
    with time_machine.travel(the_mail().due_at + timedelta(seconds=1)):
        outbox.send_due()
    assert (len(smtp.received), len(smtp.taken)) == (2, 1)
    assert len({received["Message-ID"] for received in smtp.received}) == 1


def test_errors_after_the_email_was_accepted_do_not_matter(committed, smtp):
    smtp.quit_answer = "500 go away"
    queue()
    outbox.send_due()
    assert the_mail().sent_at
    assert len(smtp.taken) == 1


def test_a_database_error_after_sending_does_not_send_twice(committed, smtp, monkeypatch):
    settle, failures = (
        outbox.record_sending,
        iter([OperationalError("", {}, Exception("gone")), None]),
    )

    def flaky(*arguments, **failure):
        if error := next(failures):
            raise error
        settle(*arguments, **failure)

    monkeypatch.setattr(outbox, "record_sending", flaky)
    monkeypatch.setattr(outbox, "RECORD_PAUSE", 0.01)
    queue()
    outbox.send_due()
    assert the_mail().sent_at
    assert not outbox.send_due()
    assert len(smtp.taken) == 1


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
    """Recipient and content belong to the email, so no setting can make them better."""
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


def test_an_email_is_retried_for_a_day_and_then_a_dead_letter(committed, settings):
    settings(SMTP_HOST="127.0.0.1", SMTP_PORT=str(free_port()), SMTP_TLS="none")
    tries, begin = [], datetime(2030, 1, 1, tzinfo=UTC)
    with time_machine.travel(begin, tick=False) as clock:
        queue()
        while (due := the_mail().due_at) is not None:
            clock.move_to(due)
            assert outbox.send_due()
            tries.append(due - begin)
    waits = [later - earlier for earlier, later in pairwise(tries)]
    assert 25 < len(tries) < 45
    assert waits[0] < timedelta(seconds=7)
    assert max(waits) <= timedelta(hours=1.2)
    assert tries[-1] == timedelta(hours=24)
    assert the_mail().dead_at
    assert "refused" in the_mail().last_error


def test_pauses_double_up_to_an_hour():
    seconds = [delay_after(attempts).total_seconds() for attempts in range(1, 40)]
    assert all(
        0.8 * min(5 * 2**n, 3600) <= pause <= 1.2 * min(5 * 2**n, 3600)
        for n, pause in enumerate(seconds)
    )


def test_queueing_costs_a_request_a_millisecond_or_so(committed):
    """Security requirement 4 depends on it: a stranger cannot measure whether an email
    is queued.
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

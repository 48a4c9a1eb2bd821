"""Mail that cannot be sent is tried again later, or becomes a dead letter (R10)."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
import time_machine
from sqlalchemy.exc import OperationalError

from app.platform.mail import outbox
from app.platform.queues.leases import delay_after
from tests.platform.mailing import LINK, queue, the_mail
from tests.support.server import free_port


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
    """The codes are from subjects 1 and 6 of RFC 3463, section 3."""
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
    """R10: if our mail relay refuses all emails by mistake for an hour, no email is
    lost.
    """
    setattr(smtp, where, answer)
    queue()
    before = datetime.now(UTC)
    outbox.send_due()
    waiting = the_mail()
    assert waiting.dead_at is None
    assert waiting.last_error.startswith("MAIL_FROM: ") == ("sender" in answer)
    assert waiting.due_at > before + timedelta(seconds=3)
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

"""Email settings that no server could accept stop the start, with a message that names
the variable.
"""

from email import message_from_bytes, policy
from email.headerregistry import Address
from email.message import EmailMessage

import pytest
from pydantic import ValidationError

from app.core.config import get_settings
from app.core.mail_settings import MAX_NAME, canonical_mail_server, canonical_sender

TEST = {"ENVIRONMENT": "test", "SECRET_KEY": "x" * 32}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("someone@example.com", "someone@example.com"),
        ("Liftoff <someone@example.com>", "Liftoff <someone@example.com>"),
        ("  Liftoff<Hello@Example.com> ", "Liftoff <Hello@example.com>"),
        ("<someone@example.com>", "someone@example.com"),
        ("Acme, Inc. <someone@example.com>", '"Acme, Inc." <someone@example.com>'),
        ('"Acme, Inc." <someone@example.com>', '"Acme, Inc." <someone@example.com>'),
        (
            '"someone@example.com" <someone@example.com>',
            '"someone@example.com" <someone@example.com>',
        ),
        ("Liftoff (support) <someone@example.com>", '"Liftoff (support)" <someone@example.com>'),
        ("Müller & Söhne <post@müller.example>", "Müller & Söhne <post@xn--mller-kva.example>"),
        ("post@bücher.example", "post@xn--bcher-kva.example"),
        ("post@xn--bcher-kva.example", "post@xn--bcher-kva.example"),
        ("someone+bounces@mail.example.co.uk", "someone+bounces@mail.example.co.uk"),
        ("リフトオフ <someone@例え.jp>", "リフトオフ <someone@xn--r8jz45g.jp>"),
    ],
)
def test_a_sender_is_an_address_or_a_name_and_one(environment, given, kept):
    assert environment(**TEST, MAIL_FROM=given).mail_from == kept
    assert canonical_sender(kept) == kept


@pytest.mark.parametrize(
    "value",
    [
        "someone",
        "Anyone",
        "@example.org",
        "someone@",
        "someone@localhost",
        "someone@example",
        "someone@exam ple.com",
        "someone@-example.com",
        "someone@example..com",
        "someone@xn--a.example.com",
        "someone@" + "a" * 64 + ".com",
        ".someone@example.com",
        "hel lo@example.com",
        "hällo@example.com",
        "Liftoff someone@example.com",
        "Liftoff <someone@example.com",
        "Liftoff <someone@example.com> now",
        "Liftoff <someone>",
        "Liftoff <>",
        "a@example.com, b@example.com",
        "a@example.com, B <b@example.com>",
        "A <a@example.com>, B <b@example.com>",
        'Ada "The" Countess <ada@example.com>',
        "Lift\roff <someone@example.com>",
        "Lift\noff <someone@example.com>",
        "Lift\u202eoff <someone@example.com>",
        "someone@example.com\r\nBcc: eve@example.com",
        "x" * (MAX_NAME + 1) + " <someone@example.com>",
    ],
)
def test_what_is_no_sender_is_refused_at_start(environment, value):
    assert_refused(environment, "MAIL_FROM", value)


@pytest.mark.parametrize("word", ["x", "ab, ", "Ä", "Ä, ", "日本", "(a) ", "\N{ROCKET} "])
def test_a_name_of_any_length_stays_one_address_in_the_mail(word):
    """Older versions of Python wrap long names incorrectly.

    No accepted name is that long.
    """
    for length in range(1, MAX_NAME + 1):
        name = (word * length)[:length].strip() or "x"
        message = EmailMessage(policy=policy.SMTP)
        message["From"] = Address(name, addr_spec=canonical_sender("someone@müller.example.com"))
        message.set_content("x")
        (read,) = message_from_bytes(message.as_bytes(), policy=policy.default)["From"].addresses
        # The email parser of older Python versions puts a space between two encoded
        # words.
        assert read.display_name.replace(" ", "") == name.replace(" ", "")
        assert read.addr_spec == "someone@xn--mller-kva.example.com"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("smtp.example.com", "smtp.example.com"),
        ("SMTP.Example.com.", "smtp.example.com."),
        ("smtp.müller.example", "smtp.xn--mller-kva.example"),
        ("mailhog", "mailhog"),
        ("mail_hog", "mail_hog"),
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
        ("[2001:db8::25]", "2001:db8::25"),
    ],
)
def test_a_mail_server_is_kept_as_it_is_looked_up(environment, given, kept):
    assert environment(**TEST, SMTP_HOST=given).smtp_host == kept
    assert canonical_mail_server(kept) == kept


@pytest.mark.parametrize(
    "value",
    [
        "smtp.example.com:587",
        "smtp://smtp.example.com",
        "smtp.example.com/",
        "smtp..example.com",
        ".example.org",
        "smtp example.com",
        "-smtp.example.com",
        "smtp.-müller.example",
        "a" * 64 + ".example.com",
        ".".join(["a" * 60] * 5),
        "user@smtp.example.com",
        "smtp.example.com\n:25",
    ],
)
def test_what_is_no_host_name_is_refused_at_start(environment, value):
    assert_refused(environment, "SMTP_HOST", value)


@pytest.mark.parametrize("name", ["SMTP_USERNAME", "SMTP_PASSWORD"])
@pytest.mark.parametrize(
    "value", ["Vx9-correct-horse\n", "Vx9-correct\r\nhorse", "Vx9-correct-h\udce4rse"]
)
def test_smtp_credentials_that_cannot_be_sent_are_refused(environment, name, value):
    assert_refused(
        environment,
        name,
        value,
        **{"SMTP_USERNAME": "liftoff", "SMTP_PASSWORD": "Vx9"} | {name: value},
    )


def test_a_password_may_hold_any_letter(environment):
    given = {"SMTP_USERNAME": "jürgen", "SMTP_PASSWORD": "pä$$ wörd\t日本"}
    password = environment(**TEST, **given).smtp_password
    assert password
    assert password.get_secret_value() == given["SMTP_PASSWORD"]


@pytest.mark.parametrize(
    "name",
    ["SECRET_KEY", "FRONTEND_URL", "CORS_ORIGINS", "STRIPE_WEBHOOK_SECRET", "GOOGLE_CLIENT_ID"],
)
def test_bytes_that_are_no_text_are_refused_in_every_setting(environment, name):
    """Python turns such bytes into lone surrogates, and the first use of the value
    would fail.
    """
    others = {"GOOGLE_CLIENT_SECRET": "x"} if name == "GOOGLE_CLIENT_ID" else {}
    assert_refused(environment, name, "Vx9-correct-h\udce4rse" * 3, **others)


def assert_refused(environment, name, value, **others):
    with pytest.raises(ValidationError):
        environment(**TEST | {name: value} | others)
    with pytest.raises(SystemExit) as end:
        get_settings.__wrapped__()
    said = str(end.value.code)
    assert said.startswith(f"Liftoff cannot start with this setting: {name}: ")
    assert len(value) < 5 or value not in said

"""The mailbox and the demo exist in development only, and are harmless there."""

import base64
import hashlib
import re

import pytest
from fastapi.testclient import TestClient

from app.db.database import SessionLocal
from app.main import create_app
from app.platform.mail import queue_mail
from app.platform.pages import demo_pages
from tests.support.mails import token_of

LINK = "https://app.example.com/verify-email?token=a%2Btoken&x=1"
PAGES = [
    "/",
    "/dev/mailbox",
    "/dev/mailbox.json",
    "/dev/mailbox/preview",
    "/dev/mailbox/1",
    "/demo",
    "/demo/billing/success",
]


def queue(username="ada", to="ada@example.com"):
    with SessionLocal() as db, db.begin():
        queue_mail(db, to, "auth/verify_email", username=username, link=LINK, hours=24)


@pytest.fixture(params=["", "/api/v1"])
def prefix(request):
    return request.param


@pytest.fixture
def development(settings, db, prefix):
    settings(ENVIRONMENT="development", EMBEDDED_WORKER="false", API_PREFIX=prefix)
    with TestClient(create_app(), base_url=f"http://testserver{prefix}") as client:
        yield client


@pytest.mark.parametrize("path", PAGES)
def test_elsewhere_there_is_no_such_page(client, db, path):
    assert client.get(path).status_code == 404


def test_the_address_that_a_newcomer_opens_leads_to_the_pages(development, prefix):
    answer = development.get("http://testserver/", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (307, f"{prefix}/demo")


def test_the_mailbox_has_every_mail_newest_first(development):
    assert development.get("dev/mailbox.json").json() == []
    queue(to="first@example.com")
    queue(to="second@example.com")
    newest, older = development.get("dev/mailbox.json").json()
    assert set(newest) == {"id", "to", "subject", "text", "html", "created_at"}
    assert (newest["to"], older["to"]) == ("second@example.com", "first@example.com")
    assert newest["created_at"].endswith("Z")
    assert LINK in newest["text"]
    page = development.get("dev/mailbox").text
    assert page.index("second@example.com") < page.index("first@example.com")
    assert f'<a href="{LINK.replace("&", "&amp;")}" target="_blank" rel="noopener">' in page


def test_the_page_frames_the_mail_without_rights(development, prefix):
    queue()
    page = development.get("dev/mailbox")
    source = re.search(r'<iframe [^>]*src="([^"]+)" sandbox="([^"]+)"', page.text)
    assert source
    assert source[1].startswith(f"{prefix}/dev/mailbox/")
    assert source[2] == "allow-popups allow-popups-to-escape-sandbox"
    framed = development.get(f"http://testserver{source[1]}")
    assert framed.headers["x-frame-options"] == "SAMEORIGIN"
    policy = framed.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "sandbox allow-popups" in policy
    assert "script-src" not in policy
    assert 'href="https://app.example.com/verify-email?token=' in framed.text


MAILBOX = ["dev/mailbox", "dev/mailbox.json", "dev/mailbox/preview", "dev/mailbox/1"]


@pytest.mark.parametrize("path", MAILBOX)
@pytest.mark.parametrize(
    "origin", ["https://evil.example", "https://app.example.com", "null", "http://testserver:81"]
)
def test_no_other_origin_reads_the_mailbox_even_with_cors(development, path, origin):
    queue()
    answer = development.get(path, headers={"Origin": origin})
    assert (answer.status_code, answer.json()["code"]) == (403, "foreign_page")
    assert "ada@example.com" not in answer.text


@pytest.mark.parametrize("path", MAILBOX)
def test_no_other_origin_embeds_the_mailbox(development, path):
    queue()
    answer = development.get(path, headers={"Origin": "http://testserver"})
    assert answer.status_code in (200, 404)
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in answer.headers


def test_hostile_words_stay_words(development):
    """Security requirement 36: markup is escaped even in a value that no account can
    have.
    """
    queue(username="<script>alert(1)</script>")
    (mail,) = development.get("dev/mailbox.json").json()
    for path in ("dev/mailbox", f"dev/mailbox/{mail['id']}"):
        assert "<script>alert" not in development.get(path).text


def test_an_unreadable_email_does_not_break_the_mailbox(development, monkeypatch):
    queue()
    monkeypatch.setattr("app.platform.mail.PURPOSE", "another key")
    assert development.get("dev/mailbox").status_code == 200
    assert "another SECRET_KEY" in development.get("dev/mailbox.json").json()[0]["text"]


@pytest.mark.parametrize("path", ["dev/mailbox", "dev/mailbox/preview"])
def test_a_page_has_its_own_styles_and_no_script(development, path):
    answer = development.get(path)
    assert answer.status_code == 200
    policy = dict(
        rule.strip().split(" ", 1) for rule in answer.headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert "script-src" not in policy
    assert "<script" not in answer.text
    blocks = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    assert set(policy["style-src"].split()) == {
        f"'sha256-{base64.b64encode(hashlib.sha256(block.encode()).digest()).decode()}'"
        for block in blocks
    }
    assert not re.search(r'\son\w+="| style="|javascript:', answer.text)
    assert answer.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("path", ["demo", "demo/billing/success?session_id=cs_1", "demo/a/b/c"])
def test_every_page_of_the_demo_is_the_same_document(development, prefix, path):
    """The document has no inline scripts or styles, and loads nothing from another
    host.
    """
    answer = development.get(path)
    assert answer.status_code == 200
    assert f'<base href="{prefix}/demo/" />' in answer.text
    assert answer.headers["content-security-policy"] == demo_pages.POLICY
    assert "unsafe" not in demo_pages.POLICY
    assert not re.search(
        r"<style|<script(?! type=\"module\" crossorigin src=)|\son\w+=", answer.text
    )
    assets = re.findall(r'(?:src|href)="\./(assets/[^"]+)"', answer.text)
    assert len(assets) == 2
    for asset in assets:
        assert development.get(f"demo/{asset}").status_code == 200
    assert development.get("demo/assets/missing.js").status_code == 404
    assert "http" not in answer.text


def test_every_template_can_be_looked_at(development):
    page = development.get("dev/mailbox/preview").text
    frames = re.findall(r'src="([^"]+)" sandbox', page)
    assert any(source.endswith("auth/verify_email") for source in frames)
    for source in frames:
        assert development.get(f"http://testserver{source}").status_code == 200
    assert development.get("dev/mailbox/preview/auth/nothing").status_code == 404


def test_a_token_is_found_as_a_person_would_find_it(db):
    queue()
    from tests.support.mails import mails_to

    assert token_of(mails_to("ada@example.com")[0]) == "a+token"

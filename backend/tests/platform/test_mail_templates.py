"""Every email of every feature has a complete text, which mail programs can show."""

import re

import pytest

from app.platform.templates import render_mail, sample_values
from tests.mail_snapshots import snapshots

pytestmark = pytest.mark.only("sqlite")


@pytest.mark.parametrize("file", list(snapshots()), ids=lambda file: file.stem)
def test_a_mail_reads_as_its_snapshot(file):
    assert file.read_text("utf-8") == snapshots()[file], "wanted? python -m tests.mail_snapshots"


@pytest.mark.parametrize("template", list(sample_values()))
def test_a_mail_needs_nothing_but_itself(template):
    values = sample_values()[template]
    mail = render_mail(template, values)
    assert 0 < len(mail.subject) <= 78  # RFC 5322, 2.1.1
    assert values["username"] in mail.text
    assert max(len(line) for line in mail.text.splitlines() if "http" not in line) <= 78
    assert "<style" not in mail.html
    assert 'style="' in mail.html
    assert not re.search(r"<(script|img|link|iframe|form)\b|url\(", mail.html)
    if link := values.get("link"):
        assert link in mail.text
        assert f'href="{link}"' in mail.html

"""Snapshots of every email. `python -m tests.mail_snapshots` rewrites the files."""

from pathlib import Path

from app.platform.templates import render_mail, sample_values

TESTS = Path(__file__).parent


def snapshots() -> dict[Path, str]:
    """Return the text of every email, filled with sample values, by the path of its
    snapshot.
    """
    found = {}
    for template, values in sample_values().items():
        feature, name = template.split("/")
        mail = render_mail(template, values)
        found[TESTS / feature / "mails" / f"{name}.txt"] = (
            f"Subject: {mail.subject}\n\n{mail.text}\n{mail.html}\n"
        )
    return found


if __name__ == "__main__":
    for file, text in snapshots().items():
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, "utf-8")

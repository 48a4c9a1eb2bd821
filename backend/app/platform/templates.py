"""Renders emails from templates.

The email `auth/verify_email` has the templates `verify_email.txt` and
`verify_email.html` in the folder `templates/` of `auth`. The first line of the text is
`Subject: …`. The HTML extends `platform/layout.html`. The styles are copied into each
element, because many mail programs ignore style sheets. If a template uses a value that
was not passed, rendering raises an error.
"""

import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.core.features import discover

FOLDER = Path(__file__).parent / "templates"
SUBJECT = "Subject: "
BLANK_LINES = re.compile(r"\n{3,}")

if TYPE_CHECKING:
    from css_inline import CSSInliner
    from jinja2 import Environment


@lru_cache
def inliner() -> "CSSInliner":
    # This import is slow, so the first email triggers it rather than startup.
    from css_inline import CSSInliner

    return CSSInliner(load_remote_stylesheets=False)


@dataclass(frozen=True)
class Rendered:
    """The content of an email. `subject` is one line."""

    subject: str
    text: str
    html: str


@lru_cache
def template_environment() -> "Environment":
    # This import is slow, too.
    from jinja2 import (
        Environment,
        FileSystemLoader,
        PrefixLoader,
        StrictUndefined,
        select_autoescape,
    )

    folders = {feature.name: feature.path / "templates" for feature in discover()} | {
        "platform": FOLDER
    }
    return Environment(
        loader=PrefixLoader({name: FileSystemLoader(folder) for name, folder in folders.items()}),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )


def render_mail(template: str, values: dict[str, Any]) -> Rendered:
    """Render an email.

    Raises `TemplateNotFound`, `UndefinedError`, and `ValueError` for a text without a
    subject.
    """
    head, _, text = (
        template_environment().get_template(f"{template}.txt").render(values).partition("\n")
    )
    if not head.startswith(SUBJECT):
        raise ValueError(f"{template}.txt must begin with a line `{SUBJECT}…`")
    subject = " ".join(head.removeprefix(SUBJECT).split())
    html = template_environment().get_template(f"{template}.html").render(values, subject=subject)
    return Rendered(subject, BLANK_LINES.sub("\n\n", text).strip() + "\n", inliner().inline(html))


def sample_values() -> dict[str, dict[str, Any]]:
    """Return the sample values of every email template, by the name of the template.

    The values come from `templates/samples.toml` of each feature. Raises `KeyError` for
    a template without sample values.
    """
    found = {}
    for feature in discover():
        folder = feature.path / "templates"
        names = sorted(file.stem for file in folder.glob("*.txt"))
        if names:
            shown = tomllib.loads((folder / "samples.toml").read_text("utf-8"))
            found.update({f"{feature.name}/{name}": shown[name] for name in names})
    return found

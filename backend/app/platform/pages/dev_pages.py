"""Renders the pages below `/dev`, which only a development server has.

The Content-Security-Policy of a page allows only the page's own inline style sheet, by
its hash.
"""

import base64
import hashlib
import re
from typing import Any

from fastapi import Response

from app.platform.templates import template_environment

STYLES = re.compile(r"<style>([^<]*)</style>")
POLICY = (
    "default-src 'none'; style-src {styles}; frame-src 'self'; img-src data:; form-action "
    "'none'; base-uri 'none'; frame-ancestors 'none'"
)


def page(template: str, **values: Any) -> Response:
    """Render a page, with a policy that allows only the page's own style sheet."""
    html = template_environment().get_template(f"platform/dev/{template}.html").render(values)
    policy = POLICY.format(styles=" ".join(_hash(block) for block in STYLES.findall(html)))
    return Response(html, media_type="text/html", headers={"Content-Security-Policy": policy})


def _hash(block: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(block.encode()).digest()).decode()}'"

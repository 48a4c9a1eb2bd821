"""Exports of users' data, and the command that erases everything of a user."""

import io
import json
import re
import zipfile
from typing import Any

import httpx2
from typer.testing import CliRunner

from app.cli import cli
from app.routers.auth.models import User
from tests.auth.letters import letters_to
from tests.auth.steps import bearer, sign_in


def ask(client: Any, user: User) -> httpx2.Response:
    """Sign in and ask for an export."""
    token = sign_in(client, user).json()
    answer: httpx2.Response = client.post("/auth/data-export", headers=bearer(token))
    return answer


def link_to(client: Any, user: User) -> str:
    """Ask for an export, run the jobs, and return the link of the email."""
    assert ask(client, user).status_code == 202
    return str(re.findall(r"http\S+", letters_to(user.email)[-1].text)[0])


def download(client: Any, user: User) -> dict[str, Any]:
    """Return the content of the files in the user's export."""
    answer = client.get(link_to(client, user))
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        return {name: json.loads(archive.read(name)) for name in archive.namelist()}


def forget(*options: object) -> tuple[int, str]:
    """Run the command `forget`, and return its exit code and output."""
    done = CliRunner().invoke(cli, ["forget", *map(str, options)])
    return done.exit_code, done.output

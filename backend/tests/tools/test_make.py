"""Values after a target of the Makefile reach the program unchanged."""

import os
import subprocess

import pytest

from tests.support.trees import Tree

SAYS_WHAT_IT_GETS = (
    '#!/bin/sh\nprintf "PASSWORD=%s\\n" "$PASSWORD"\n'
    'for word in "$@"; do printf "%s\\n" "$word"; done\n'
)


@pytest.fixture
def typed(tmp_path):
    """`typed("superuser", "email=…")` returns the input of the Python program.

    The input consists of the variable PASSWORD and the arguments.
    """
    tree = Tree(tmp_path / "liftoff")
    python = tree.root / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(SAYS_WHAT_IT_GETS, "utf-8")
    python.chmod(0o755)

    def run(*words, **variables):
        command = ["make", "--assume-old=.venv/.installed", *words]
        ours = {
            "PATH": os.environ["PATH"]
        }  # if `make test slow=yes` runs this test, its words are also variables
        return subprocess.check_output(
            command, cwd=tree.root, text=True, env=ours | variables
        ).splitlines()

    return run


WHO = ("email=ada@example.com", "username=ada")
HOSTILE = ["pa$word-with-$HOME-long", "$$ $(shell id) ${PATH}", 'it\'s "5 %" \\ # {a}|b;c `id`']


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_in_a_value_is_read_by_make_or_the_shell(typed, text):
    """Otherwise, a `$` in a password would begin the name of a variable, and the user
    would get a different password.
    """
    assert typed("migration", f"m={text}")[-2:] == ["-m", text]
    assert typed("test", "only=blog/test_posts.py", f"k={text}", "db=sqlite")[-4:] == [
        "--k",
        text,
        "--db",
        "sqlite",
    ]
    assert (
        typed("feature", "name=notes", f"fields=title:str={text}")[-1]
        == f"--fields=title:str={text}"
    )


def test_a_revision_is_compared_with_the_models_unless_empty(typed):
    assert typed("migration", "m=tags")[1:] == [
        "-m",
        "alembic",
        "revision",
        "--autogenerate",
        "-m",
        "tags",
    ]
    assert typed("migration", "m=tags", "empty=yes")[1:] == [
        "-m",
        "alembic",
        "revision",
        "-m",
        "tags",
    ]
    assert typed("migration", "m=tags", "drop=yes")[3:5] == ["-x", "drop=yes"]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_password_is_never_an_argument_of_python(typed, text):
    """Every user of the machine can read the arguments of a process.

    However the password was given, the program gets it in the variable PASSWORD.
    """
    for given in (
        typed("superuser", *WHO, f"password={text}"),
        typed("superuser", *WHO, password=text),
        typed("superuser", *WHO, PASSWORD=text),
    ):
        assert given[0] == f"PASSWORD={text}"
        assert given[1:] == [
            "-m",
            "app.cli",
            "superuser",
            "--email",
            "ada@example.com",
            "--username",
            "ada",
        ]

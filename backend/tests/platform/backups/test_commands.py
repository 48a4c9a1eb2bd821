"""Operators run `make backup` and `make restore`."""

import os

import pytest

from tests.support.smtp import wait_until


def test_a_drill(place):
    code, said = place.command("backup", "--keep", "3")
    assert code == 0, said
    place.execute("DELETE FROM kept_names")
    code, said = place.command("restore")
    assert code == 1
    assert "Nothing was changed. This would overwrite" in said
    assert place.names() == []
    code, said = place.command("restore", "--yes")
    assert code == 0, said
    assert place.names() == ["Ada", "Grace"]


def test_an_older_backup_is_migrated(place):
    head = place.ask("SELECT version_num FROM alembic_version")
    place.run("alembic", "downgrade", "-1")
    code, said = place.command("backup")
    assert code == 0, said
    code, said = place.command("restore", "--yes")
    assert "The backup is older than this code. Migrating it now." in said
    assert (code, place.ask("SELECT version_num FROM alembic_version")) == (0, head)
    assert place.names() == ["Ada", "Grace"]


def test_without_a_backup_it_is_a_sentence(place):
    code, said = place.command("restore", "--yes")
    assert (code, "Nothing was restored: There is no backup in" in said) == (1, True)


@pytest.mark.only("postgresql")
def test_a_terminated_backup_leaves_nothing(place, tmp_path):
    """In this test, a process manager ends the command while pg_dump runs."""
    tools, begun = tmp_path / "tools", tmp_path / "begun"
    tools.mkdir()
    dumper = tools / "pg_dump"
    dumper.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && echo "pg_dump 99.0" && exit\n'
        f"echo begun; touch {begun}; exec sleep 60\n"
    )
    dumper.chmod(0o755)
    running = place.start("app.cli", "backup", PATH=f"{tools}{os.pathsep}{os.environ['PATH']}")
    wait_until(begun.exists)
    running.terminate()
    assert running.wait(60) == 1
    running.communicate()
    assert [file.name for file in place.folder.iterdir()] == [".lock"]

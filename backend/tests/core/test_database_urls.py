"""The possible values of DATABASE_URL, and the messages about impossible ones."""

from pathlib import Path

import pytest

from app.core.database_urls import check_database_url, check_mongodb_url, make_folder, sqlite_file


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "must be a URL"),
        ("liftoff.db", "must be a URL"),
        ("postgresql:u:p@h/d", "must be a URL"),
        ("oracle://u:p@h/x", "oracle is not supported; use PostgreSQL, MySQL or SQLite"),
        ("mongodb://u:p@h/x", "write this URL into MONGODB_URL"),
        ("mongodb+srv://u:p@h/x", "write this URL into MONGODB_URL"),
        ("mssql+pyodbc://u:p@h/x", "mssql+pyodbc is not supported"),
        (
            "postgresql+asyncpg://u:p@h/d",
            "the driver asyncpg is not supported; write postgresql://",
        ),
        (
            "postgresql+psycopg://u:p@h/d",
            "the driver psycopg is not supported; write postgresql://",
        ),
        ("mysql+mysqldb://u:p@h/d", "the driver mysqldb is not supported; write mysql://"),
        ("sqlite+aiosqlite:///x.db", "the driver aiosqlite is not supported; write sqlite://"),
        ("postgresql://u:p@host:port/db", "the port after the host must be a number"),
        ("postgresql://u:p@host:0/db", "from 1 to 65535"),
        ("mysql://u:p@host:65536/db", "from 1 to 65535"),
        ("postgresql://u:p@one:5432,two:5432/db", "the port after the host must be a number"),
        ("sqlite://", "SQLite needs a file, such as sqlite:///.data/liftoff.db"),
        ("sqlite:///", "SQLite needs a file"),
        ("sqlite:///?mode=ro", "SQLite needs a file"),
        ("sqlite:///:memory:", "SQLite needs a file"),
        ("sqlite://liftoff.db", "SQLite needs a file"),
        ("sqlite://folder/liftoff.db", "SQLite needs a file"),
    ],
)
def test_what_cannot_be_used_is_refused_with_what_to_write(url, said):
    with pytest.raises(ValueError, match=r".+") as refusal:
        check_database_url(url)
    assert said in str(refusal.value)
    assert "u:p" not in str(refusal.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql:///d?host=/run/postgresql",
        "postgresql://u:a/b:c@h:5432/d",
        "mysql://u:p@[::1]:3306/d",
        "sqlite:///.data/d.db?timeout=3",
    ],
)
def test_what_can_be_used_stays_as_it_was_written(url):
    assert check_database_url(url) == url


def test_a_file_path_is_relative_to_the_root_with_any_character():
    root = Path("/50%25?")
    assert sqlite_file("sqlite:///.data/d.db", root) == root / ".data" / "d.db"
    assert sqlite_file("sqlite:////tmp/a%3Fb.db?mode=ro", root) == Path("/tmp/a?b.db")  # noqa: S108 - only a name
    assert sqlite_file("mysql://u:p@h/d", root) is None


@pytest.mark.parametrize("folder", ["file", "file/deeper"])
def test_a_folder_that_cannot_be_created_ends_with_advice(tmp_path, folder):
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit) as end:
        make_folder(tmp_path / folder / "liftoff.db")
    assert "is not a folder. Fix that, or name another file in DATABASE_URL" in str(end.value.code)


@pytest.mark.parametrize(
    "url",
    [
        "mongodb://h",
        "mongodb://u:p%40@h:27017/liftoff",
        "mongodb://a:27017,b:27018/x?replicaSet=rs0&tls=true",
        "mongodb+srv://u:p@cluster.example.com/own-name_1?retryWrites=true",
    ],
)
def test_mongodb_has_a_setting_of_its_own(url):
    assert check_mongodb_url(url) == url

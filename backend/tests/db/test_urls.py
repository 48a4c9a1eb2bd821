"""Database URLs are accepted in the forms in which people write them."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import create_engine, make_url

from app.core.config import ROOT, Settings
from app.core.database_urls import check_database_url, make_folder, sqlite_file
from app.db.urls import normalise_database_url


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("postgres://u:p@h/d", "postgresql+psycopg2://u:p@h/d"),
        (
            "postgresql://u:p@h:6543/d?sslmode=require",
            "postgresql+psycopg2://u:p@h:6543/d?sslmode=require",
        ),
        ("postgresql+psycopg2://u@h/d", "postgresql+psycopg2://u@h/d"),
        (
            "postgresql:///d?host=/run/postgresql",
            "postgresql+psycopg2:///d?host=%2Frun%2Fpostgresql",
        ),
        ("mysql://u:p%40q@h/d", "mysql+pymysql://u:p%40q@h/d"),
        ("mysql+pymysql://u@h/d", "mysql+pymysql://u@h/d"),
        ("mariadb://u@h/d", "mysql+pymysql://u@h/d"),
        ("mariadb+pymysql://u@h/d", "mysql+pymysql://u@h/d"),
        ("sqlite:////tmp/d.db", "sqlite:////tmp/d.db"),
        ("sqlite:///d.db", f"sqlite:///{ROOT}/d.db"),
        ("sqlite:///.data/d.db", f"sqlite:///{ROOT}/.data/d.db"),
        ("sqlite+pysqlite:///.data/d.db", f"sqlite+pysqlite:///{ROOT}/.data/d.db"),
    ],
)
def test_a_url_names_its_driver_and_a_file_its_place(written, meant):
    assert normalise_database_url(written).render_as_string(hide_password=False) == meant


def test_what_the_settings_refuse_is_no_url_here_either():
    with pytest.raises(ValueError, match="SQLite needs a file"):
        normalise_database_url("sqlite://")


@given(st.from_regex(r"(postgresql|mysql|sqlite)://[^\n]*", fullmatch=True))
@example("postgresql://u:p@ss@h:5432/d")
@example("mysql://u:%40:x@[::1]:3306/d?a=b")
@example("sqlite:////a%3Fb/c d.db?mode=ro")
@example("postgresql://h:٣/d")
@example("postgresql://h:/d")
def test_settings_and_sqlalchemy_parse_a_url_alike(url):
    try:
        check_database_url(url)
    except ValueError:
        return
    parsed = make_url(url)
    if url.startswith("sqlite"):
        assert sqlite_file(url, Path("/")) == Path("/") / str(parsed.database)


@pytest.mark.parametrize("name", ["50%25", "what?", "a%b c#d"])
def test_the_default_file_is_in_the_clone_whatever_its_folder(name, tmp_path, monkeypatch):
    clone = tmp_path / name
    monkeypatch.setattr("app.db.urls.ROOT", clone)
    default = Settings.model_fields["database_url"].default.get_secret_value()
    file = clone / ".data" / "liftoff.db"
    make_folder(file)
    engine = create_engine(normalise_database_url(default))
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE t (x)")
    engine.dispose()
    assert file.stat().st_size

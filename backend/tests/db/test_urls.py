"""Database URLs as people write them."""

import pytest

from app.core.config import ROOT
from app.db.urls import normalise


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("postgres://u:p@h/d", "postgresql+psycopg2://u:p@h/d"),
        ("postgresql://u:p@h:6543/d?sslmode=require", "postgresql+psycopg2://u:p@h:6543/d?sslmode=require"),
        ("postgresql+psycopg2://u@h/d", "postgresql+psycopg2://u@h/d"),
        ("postgresql+psycopg://u@h/d", "postgresql+psycopg://u@h/d"),
        ("postgresql:///d?host=/run/postgresql", "postgresql+psycopg2:///d?host=%2Frun%2Fpostgresql"),
        ("mysql://u:p%40q@h/d", "mysql+pymysql://u:p%40q@h/d"),
        ("mysql+pymysql://u@h/d", "mysql+pymysql://u@h/d"),
        ("mariadb://u@h/d", "mysql+pymysql://u@h/d"),
        ("mariadb+pymysql://u@h/d", "mysql+pymysql://u@h/d"),
        ("sqlite:////tmp/d.db", "sqlite:////tmp/d.db"),
        ("sqlite:///d.db", f"sqlite:///{ROOT}/d.db"),
        ("sqlite:///.data/d.db", f"sqlite:///{ROOT}/.data/d.db"),
    ],
)
def test_a_url_names_its_driver_and_a_file_its_place(written, meant):
    assert normalise(written).render_as_string(hide_password=False) == meant


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_is_refused(url):
    with pytest.raises(ValueError, match="SQLite needs a file"):
        normalise(url)

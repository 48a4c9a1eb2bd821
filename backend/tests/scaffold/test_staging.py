"""Either all files are written or none, and only one command runs at a time."""

import pytest

from scaffold import staging
from scaffold.__main__ import is_yes
from scaffold.problems import Refused


class Stopped(dict[str, bytes]):
    """Files to write. After the first file is written, Ctrl-C is pressed or the disk is
    full.
    """

    stop: type[BaseException] = KeyboardInterrupt

    def items(self):
        yield next(iter(super().items()))
        raise self.stop


class Full(Stopped):
    stop = OSError


@pytest.fixture
def backend(tmp_path, monkeypatch):
    monkeypatch.setattr(staging, "BACKEND", tmp_path)
    (tmp_path / "alembic" / "versions").mkdir(parents=True)
    (tmp_path / "there").write_bytes(b"as it was")
    return tmp_path


@pytest.mark.parametrize(("files", "raised"), [(Stopped, KeyboardInterrupt), (Full, Refused)])
def test_what_is_stopped_half_way_leaves_nothing(backend, files, raised):
    before = sorted(backend.rglob("*"))
    with pytest.raises(raised):
        staging.keep(files({"app/new/models.py": b"new", "app/new/router.py": b"new"}))
    with pytest.raises(raised):
        staging.keep(files({"alembic/new.py": b"new", "app/new/router.py": b"new"}))
    with pytest.raises(raised):
        staging.replace_files(files({"there": b"other", "new": b"new"}))
    with pytest.raises(raised):
        staging.replace_files(files({"new": b"new", "there": b"other"}))
    assert sorted(backend.rglob("*")) == before
    assert (backend / "there").read_bytes() == b"as it was"


def test_a_file_that_has_come_meanwhile_is_not_written_over(backend):
    with pytest.raises(Refused, match="Nothing was changed"):
        staging.keep({"app/new/models.py": b"new", "there": b"new"})
    assert (backend / "there").read_bytes() == b"as it was"
    assert not (backend / "app").exists()


def test_a_second_command_is_refused_while_one_is_at_work(backend):
    with staging.alone(), pytest.raises(Refused, match="is running"), staging.alone():
        pass
    with staging.alone():
        pass


@pytest.mark.parametrize(
    ("value", "meant"), [("", False), ("0", False), ("1", True), ("YES", True)]
)
def test_an_option_is_set_or_not(value, meant):
    assert is_yes(value) is meant


def test_an_option_that_could_mean_either_is_refused():
    with pytest.raises(Refused, match="neither"):
        is_yes("y")

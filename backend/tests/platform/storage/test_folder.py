"""Objects in a folder: who can read them, and which URLs the application serves."""

import stat
from datetime import timedelta
from io import BytesIO

import pytest

from app.platform.storage import StorageDisabled, StorageFailed, object_storage
from tests.platform.storage.conftest import LIFE

KEY = "tests/private.zip"


@pytest.fixture
def folder(settings, tmp_path):
    settings(STORAGE_URL=(tmp_path / "objects").as_uri())
    return tmp_path / "objects"


def test_only_the_server_can_read_the_files(folder):
    object_storage().write(KEY, BytesIO(b"private"))
    file = folder / KEY
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [each.name for each in file.parent.iterdir()] == ["private.zip"], "nothing is left over"


def test_a_failed_write_leaves_nothing(folder):
    class Broken(BytesIO):
        def read(self, _size=-1):
            raise OSError(5, "Input/output error")

    with pytest.raises(StorageFailed, match="cannot be written"):
        object_storage().write(KEY, Broken())
    assert not [each for each in folder.rglob("*") if each.is_file()]


def test_a_folder_that_is_a_file_is_named(folder):
    folder.write_text("")
    with pytest.raises(StorageFailed, match=r"cannot be written.*objects"):
        object_storage().write(KEY, BytesIO(b"x"))
    with pytest.raises(StorageFailed, match="cannot be read"):
        list(object_storage().read(KEY))
    with pytest.raises(StorageFailed, match="cannot be changed"):
        object_storage().delete(KEY)


def test_an_expired_url_is_404(folder, db, client):
    object_storage().write(KEY, BytesIO(b"private"))
    url = object_storage().download_url(KEY, "export.zip", timedelta(seconds=-1))
    answer = client.get(url)
    assert (answer.status_code, answer.json()["code"]) == (404, "download_gone")


@pytest.mark.parametrize("change", [lambda url: url[:-1], lambda url: url + "A", str.swapcase])
def test_a_changed_url_is_404(folder, db, client, change):
    object_storage().write(KEY, BytesIO(b"private"))
    start, _, signed = object_storage().download_url(KEY, "e.zip", LIFE).rpartition("/")
    answer = client.get(f"{start}/{change(signed)}")
    assert (answer.status_code, answer.json()["code"]) == (404, "download_gone")


def test_the_url_of_a_deleted_object_is_404(folder, db, client):
    object_storage().write(KEY, BytesIO(b"private"))
    url = object_storage().download_url(KEY, "e.zip", LIFE)
    object_storage().delete(KEY)
    assert client.get(url).json()["code"] == "download_gone"


def test_a_deployment_without_storage_has_none(settings, monkeypatch):
    from app.core.config import Settings, get_settings

    without = get_settings().model_copy(update={"storage_url": None})
    monkeypatch.setattr("app.platform.storage.get_settings", lambda: without)
    assert isinstance(without, Settings)
    with pytest.raises(StorageDisabled):
        object_storage()

"""The route that serves the objects of a folder. A bucket serves its own objects."""

from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import FileResponse

from app.core.config import get_settings
from app.core.errors import NotFound
from app.core.storage_settings import FolderPlace

from .folder import FolderStorage, read_signed

MAX_SIGNED = 1000

router = APIRouter(prefix="/storage", include_in_schema=False)


class DownloadGone(NotFound):
    """The URL was not signed by us or has expired, or the object was deleted."""

    code = "download_gone"
    detail = "This download is no longer available. Ask for a new link."


@router.get("/{signed}")
def download(signed: Annotated[str, Path(max_length=MAX_SIGNED)]) -> FileResponse:
    """Send the object for which `FolderStorage.download_url` has signed this URL."""
    place, allowed = get_settings().storage_place, read_signed(signed)
    if allowed is None or not isinstance(place, FolderPlace):
        raise DownloadGone
    file = FolderStorage(place.folder).file_of(allowed.key)
    if not file.is_file():
        raise DownloadGone
    return FileResponse(
        file,
        filename=allowed.filename,
        media_type="application/octet-stream",
        headers={"Cache-Control": "no-store"},
    )

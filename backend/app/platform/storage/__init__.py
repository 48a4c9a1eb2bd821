"""The object storage: files that do not fit in the database, by their keys.

    storage = object_storage()
    storage.write("data-exports/7f3a.zip", file)
    url = storage.download_url("data-exports/7f3a.zip", "me.zip", timedelta(minutes=5))

Objects are private. A client reads an object only through a URL that `download_url` has
signed, and which expires. Everything else calls a service over the network, so never do
it while a transaction is open. Each call has a timeout, and raises `StorageFailed` if
the storage does not do what it should.

- `objects`: the interface of both kinds of storage, their errors, and valid keys.
- `folder`: the objects in a folder of this machine, and the URLs of `routes`.
- `buckets`: the objects in a bucket that speaks S3.
- `routes`: the route that serves objects of a folder.
"""

from functools import lru_cache

from app.core.config import get_settings
from app.core.storage_settings import FolderPlace, Place

from .objects import NoSuchObject, Storage, StorageDisabled, StorageFailed

__all__ = ["NoSuchObject", "Storage", "StorageDisabled", "StorageFailed", "object_storage"]


def object_storage() -> Storage:
    """Return the storage of this process. Raises `StorageDisabled`."""
    if (place := get_settings().storage_place) is None:
        raise StorageDisabled
    return _storage_at(place)


@lru_cache(maxsize=8)
def _storage_at(place: Place) -> Storage:
    if isinstance(place, FolderPlace):
        from .folder import FolderStorage

        return FolderStorage(place.folder)
    from .buckets import BucketStorage  # boto3 is large, and many deployments have no bucket

    return BucketStorage(place)

"""Checks of the services that the platform uses: Redis, MongoDB, the broker, the
storage and the mail server.
"""

import secrets
from io import BytesIO
from urllib.parse import urlsplit

from app.core.config import get_settings
from app.core.redis import make_client
from app.db import documents
from app.platform.handover.broker import BrokerUnavailable, broker, names_of_workers
from app.platform.mail import smtp_client
from app.platform.storage import StorageDisabled, StorageFailed, object_storage

from . import Finding, check, failure, ok, warning
from .running import first_line

PING_SECONDS = 5.0
PROBE = b"written by make doctor"


@check("redis")
def redis() -> Finding | None:
    url = get_settings().redis_url
    if url is None:
        return None
    from redis import RedisError  # redis is large, and many deployments run without it

    parts = urlsplit(url.get_secret_value())
    place = f"{parts.hostname}:{parts.port or 6379}"
    try:
        with make_client(url.get_secret_value()) as client:
            version = client.info("server")["redis_version"]
    except RedisError as error:
        return failure(
            f"Redis at {place} cannot be used: {first_line(error)}",
            "Check REDIS_URL, and that Redis runs. Until then, each process counts rate limits "
            "for itself.",
        )
    return ok(f"Redis {version} at {place}")


@check("mongodb")
def mongodb() -> Finding | None:
    if get_settings().mongodb_url is None:
        return None
    from pymongo.errors import PyMongoError

    try:
        version = documents.ping(PING_SECONDS)
    except PyMongoError as error:
        return failure(
            f"MongoDB cannot be used: {first_line(error)}",
            "Check MONGODB_URL, and that MongoDB runs. Until then, timelines respond with 503, "
            "and events wait in the outbox.",
        )
    return ok(f"MongoDB {version}")


@check("broker")
def celery_broker() -> Finding | None:
    settings = get_settings()
    if settings.celery_broker_url is None:
        return None
    try:
        waiting = sum(broker().waiting().values())
        workers = names_of_workers()
    except BrokerUnavailable as error:
        return failure(
            f"The broker at {settings.broker_place} cannot be used: {first_line(error)}",
            "Check CELERY_BROKER_URL, and that the broker runs. Until then, workers find their "
            "work in the database.",
        )
    detail = f"The broker at {settings.broker_place} holds {waiting} messages."
    if not workers:
        return warning(f"{detail} No Celery worker answers.", "Start `make worker`.")
    return ok(f"{detail} Celery workers: {len(workers)}.")


@check("storage")
def storage() -> Finding | None:
    """Write, read and delete a small object."""
    try:
        objects = object_storage()
    except StorageDisabled:
        if not get_settings().is_deployed:
            return None
        return warning(
            "STORAGE_URL is not set, so users cannot export their data.",
            "Set STORAGE_URL to a bucket, or to a folder that all processes share.",
        )
    key = f"doctor/{secrets.token_hex(8)}"
    try:
        objects.write(key, BytesIO(PROBE))
        is_kept = b"".join(objects.read(key)) == PROBE
        objects.delete(key)
    except StorageFailed as error:
        return failure(
            f"The storage cannot be used. {first_line(error)}",
            "Check STORAGE_URL, and that its key may read, write and delete. Until then, exports "
            "of users' data wait for up to a day.",
        )
    if not is_kept:
        return failure(
            "The storage returns something else than what was written.",
            "Use another storage in STORAGE_URL.",
        )
    return ok("The storage keeps and returns objects.")


@check("smtp", seconds=smtp_client.TOTAL_SECONDS + 5)
def smtp() -> Finding | None:
    """Check the mail server. No email is sent."""
    settings = get_settings()
    if settings.smtp_host is None:
        return None
    place = f"{settings.smtp_host}:{settings.smtp_port}"
    try:
        smtp_client.check_server(settings)
    except smtp_client.Unreachable as error:
        return failure(
            f"The mail server at {place} cannot be used. {first_line(error)}",
            "Check the settings that this message names. Until then, emails wait for up to a day.",
        )
    signed_in = "with" if settings.smtp_username else "without"
    detail = f"The mail server at {place} accepts connections {signed_in} a sign-in"
    if settings.smtp_tls == "none":
        return ok(f"{detail}, and without TLS.")
    return ok(f"{detail}, over TLS.")

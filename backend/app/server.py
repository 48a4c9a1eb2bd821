"""`python -m app.server`: serve by the settings. With `--reload`, restart on every change of the code."""

import os
import sys
import tempfile

import uvicorn

from app.core.config import BACKEND, get_settings

SHUTDOWN_SECONDS = 30  # for requests in flight; a developer who saves a file waits 3
KEEP_ALIVE_SECONDS = 75  # longer than the idle time-out of common load balancers, or they race us


def main() -> None:
    settings = get_settings()
    reload = "--reload" in sys.argv[1:]
    if settings.web_concurrency > 1 and not reload:
        os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", tempfile.mkdtemp(prefix="liftoff-metrics-"))
    uvicorn.run(
        "app.main:app",
        host=settings.host,
        port=settings.port,
        workers=None if reload else settings.web_concurrency,
        reload=reload,
        reload_dirs=[str(BACKEND / "app")] if reload else None,
        log_config=None,
        access_log=False,
        proxy_headers=False,  # the server would trust loopback; TRUSTED_PROXIES decides, in the application
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=3 if reload else SHUTDOWN_SECONDS,
    )


if __name__ == "__main__":
    main()

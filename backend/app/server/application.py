"""Loads the application in a serving process, and keeps its memory small."""

import ctypes
import gc

from fastapi import FastAPI

M_ARENA_MAX = -8  # of glibc's malloc.h
ARENAS = 2


def application() -> FastAPI:
    """Return the application.

    glibc gives each thread a pool of memory of its own, and keeps what the imports have
    freed. Both together would be a tenth of the process.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(M_ARENA_MAX, ARENAS)

    from app.main import app

    gc.collect()
    gc.freeze()  # what lives as long as the process need not be looked at again
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)
    return app

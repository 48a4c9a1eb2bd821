"""Loads the application in a serving process, and keeps its memory small."""

import ctypes
import gc

from fastapi import FastAPI

# Options of glibc's malloc.h. With these values, glibc immediately returns large blocks
# to the system, such as the memory for hashing a password. glibc also immediately
# returns free memory at the end of the heap.
OPTIONS = {
    -8: 2,  # M_ARENA_MAX
    -3: 1_000_000,  # M_MMAP_THRESHOLD, in bytes
    -1: 1_000_000,  # M_TRIM_THRESHOLD, in bytes
}


def application() -> FastAPI:
    """Return the application.

    By default, glibc gives each thread a separate pool of memory. It also keeps memory
    that the imports have freed. Both together would be a tenth of the process's memory.
    """
    libc = ctypes.CDLL(None)
    for option, value in OPTIONS.items() if hasattr(libc, "mallopt") else ():
        libc.mallopt(option, value)

    from app.main import app

    gc.collect()
    gc.freeze()  # these objects live until the process ends, so the collector can skip them
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)
    return app

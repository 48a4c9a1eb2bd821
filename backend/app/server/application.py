"""Loads the application in a serving process, and keeps its memory small."""

import ctypes
import gc

from fastapi import FastAPI

# Options of glibc's malloc.h. Large blocks, such as the memory for a password's hash,
# return to the system at once, and so does free memory at the end of the heap.
OPTIONS = {
    -8: 2,  # M_ARENA_MAX
    -3: 1_000_000,  # M_MMAP_THRESHOLD, in bytes
    -1: 1_000_000,  # M_TRIM_THRESHOLD, in bytes
}


def application() -> FastAPI:
    """Return the application.

    glibc gives each thread a pool of memory of its own, and keeps what the imports have
    freed. Both together would be a tenth of the process.
    """
    libc = ctypes.CDLL(None)
    for option, value in OPTIONS.items() if hasattr(libc, "mallopt") else ():
        libc.mallopt(option, value)

    from app.main import app

    gc.collect()
    gc.freeze()  # what lives as long as the process need not be looked at again
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)
    return app

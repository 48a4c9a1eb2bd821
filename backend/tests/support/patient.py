"""HTTP calls that wait for a busy machine. By default, httpx2 waits for 5 seconds."""

from functools import partial

import httpx2

SECONDS = 60

Client = partial(httpx2.Client, timeout=SECONDS)
get = partial(httpx2.get, timeout=SECONDS)
post = partial(httpx2.post, timeout=SECONDS)
put = partial(httpx2.put, timeout=SECONDS)
request = partial(httpx2.request, timeout=SECONDS)

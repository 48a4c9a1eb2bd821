"""Liftoff: the backend that a SaaS starts from."""

import gc

# Python looks for cycles after every 700 new objects. An import makes a quarter of a million that stay, and a request
# thousands that are freed without it: looked for more rarely, a start takes about 7 % less.
gc.set_threshold(50_000, 20, 20)

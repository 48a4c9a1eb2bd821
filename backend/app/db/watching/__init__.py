"""Counts and times statements, and reports slow ones.

- `tally` counts and times the statements of one request or job.
- `slow_statements` logs the statements that take too long.
- `fingerprints` names a statement by its shape, without its values.
- `plans` explains slow queries, if a setting asks for it.
"""

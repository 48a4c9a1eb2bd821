"""Compares requests per second for common jobs, as ratios within one run.

For 100,000 posts, `make bench` compares Liftoff with bare FastAPI, with psycopg2
without a framework, and with the code of most tutorials. Each of them runs in one
process, on the same PostgreSQL server. All jobs take turns in several rounds, so that a
slow moment of the machine affects all of them. Then `make bench` prints how the time of
a request grows from 10,000 to 1,000,000 posts.

Each figure is the median of the rounds. `SPEED_ROUNDS` and `SPEED_SECONDS` set the
number and the length of the rounds.
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple
from urllib.parse import quote

import httpx2
from sqlalchemy import create_engine, text

from benchmarks.load import Job, Measured, measure
from tests.support import databases

ROUNDS = int(os.environ.get("SPEED_ROUNDS", "5"))
SECONDS = float(os.environ.get("SPEED_SECONDS", "2"))
SIZES = (10_000, 100_000, 1_000_000)
COMPARED = 100_000
PAGE = 100
POSTS = """
INSERT INTO blog_posts (author_id, category_id, title, slug, content, excerpt, is_published,
    is_featured, published_at, created_at, updated_at{more})
SELECT 1, (SELECT min(id) FROM blog_categories) + n % 3, 'Post number ' || n, 'speed-' || n,
    repeat('Lorem ipsum dolor sit amet ', 40), 'The excerpt of post number ' || n, true,
    false, t, t, t{values}
FROM (SELECT n, now() - interval '1 day' - n * interval '1 second' AS t
    FROM generate_series(:first, :last) n) AS numbered"""
REQUIRED = """
SELECT column_name, data_type FROM information_schema.columns
WHERE table_name = 'blog_posts' AND is_nullable = 'NO' AND column_default IS NULL
    AND column_name NOT IN ('id', 'author_id', 'title', 'slug', 'content', 'excerpt',
        'is_published', 'is_featured', 'created_at', 'updated_at')"""


class Row(NamedTuple):
    """A line of the table: our job, the job that counts as 1.00, and the tutorial's
    job.
    """

    name: str
    against: str
    tutorial: str | None = None


TABLE = (
    Row("nothing (/health/live)", "bare"),
    Row("me", "raw me", "tutorial me"),
    Row("me, cached identity", "raw me", "tutorial me"),
    Row("one post", "raw post", "tutorial post"),
    Row("20 posts by cursor", "raw page"),
    Row("20 posts with total", "raw page", "tutorial page"),
    Row("create", "raw create", "tutorial create"),
    Row("cached page", "bare", "tutorial page"),
    Row("cached post", "bare", "tutorial post"),
    Row("cached post, 304", "bare"),
)


def fill(url: str, first: int, last: int) -> None:
    """Write the posts with these numbers. New required columns get empty values."""
    engine = create_engine(url)
    with engine.begin() as connection:
        required = connection.execute(text(REQUIRED)).all()
        more = "".join(f", {name}" for name, _ in required)
        values = "".join(f", ''::{kind}" for _, kind in required)
        statement = POSTS.format(more=more, values=values)
        connection.execute(text(statement), {"first": first, "last": last})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    engine.dispose()


def memory(process: int) -> int:
    """Return the resident memory of a process in MB."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmRSS"))


def jobs_of(ours: str, cached: str, rivals: str, token: str) -> dict[str, Job]:
    """Return every job of the benchmark, by its name in the printed table."""
    page = httpx2.get(f"{ours}/blog/posts?limit=20").json()
    post, cursor = page["items"][0]["id"], quote(page["next_cursor"])
    tag = httpx2.get(f"{cached}/blog/posts/{post}").headers["ETag"]
    user = {"Authorization": f"Bearer {token}"}
    learner = {"Authorization": "Bearer 1"}
    return {
        "bare": Job(f"{rivals}/bare"),
        "nothing (/health/live)": Job(f"{ours}/health/live"),
        "raw me": Job(f"{rivals}/raw/me"),
        "me": Job(f"{ours}/auth/me", user),
        "me, cached identity": Job(f"{cached}/auth/me", user),
        "tutorial me": Job(f"{rivals}/tutorial/me", learner),
        "raw post": Job(f"{rivals}/raw/posts/{post}"),
        "one post": Job(f"{ours}/blog/posts/{post}"),
        "tutorial post": Job(f"{rivals}/tutorial/posts/{post}"),
        "raw page": Job(f"{rivals}/raw/posts"),
        "20 posts by cursor": Job(f"{ours}/blog/posts?limit=20&cursor={cursor}"),
        "20 posts with total": Job(f"{ours}/blog/posts?limit=20"),
        "tutorial page": Job(f"{rivals}/tutorial/posts?limit=20"),
        "raw create": Job(f"{rivals}/raw/posts", creates=True, status=201),
        "create": Job(f"{ours}/blog/posts", user, creates=True, status=201),
        "tutorial create": Job(f"{rivals}/tutorial/posts", learner, creates=True, status=201),
        "cached page": Job(f"{cached}/blog/posts?limit=20"),
        "cached post": Job(f"{cached}/blog/posts/{post}"),
        "cached post, 304": Job(f"{cached}/blog/posts/{post}", {"If-None-Match": tag}, status=304),
    }


def middle_of(posts: str, size: int) -> str:
    """Return a cursor for the middle of the table.

    This reads all pages up to the middle, because an offset cannot be that large.
    """
    cursor = ""
    with httpx2.Client() as client:
        for _ in range(size // 2 // PAGE):
            more = f"&cursor={cursor}" if cursor else ""
            page = client.get(f"{posts}?limit={PAGE}{more}").json()
            cursor = quote(page["next_cursor"])
    return cursor


def take_turns(jobs: dict[str, Job]) -> dict[str, list[Measured]]:
    found: dict[str, list[Measured]] = {name: [] for name in jobs}
    for _ in range(ROUNDS):
        for name, job in jobs.items():
            found[name].append(measure(job, SECONDS))
    return found


def rate(rounds: list[Measured]) -> float:
    return median(one.rate for one in rounds)


def p99(rounds: list[Measured]) -> float:
    """Return the 99th percentile over all rounds, in milliseconds."""
    return quantiles([time for one in rounds for time in one.times], n=100)[98] * 1000


def print_table(found: dict[str, list[Measured]]) -> None:
    print(f"\n{'requests/s':<24}{'Liftoff':>8}{'(spread)':>15}{'p99 ms':>8}", end="")
    print(f"{'limit':>8}{'ratio':>7}{'tutorial':>10}{'ratio':>7}")
    for row in TABLE:
        ours, limit = found[row.name], rate(found[row.against])
        rates = [one.rate for one in ours]
        spread = f"({min(rates):.0f}-{max(rates):.0f})"
        line = f"{row.name:<24}{rate(ours):>8.0f}{spread:>15}{p99(ours):>8.1f}"
        line += f"{limit:>8.0f}{rate(ours) / limit:>7.2f}"
        if row.tutorial:
            theirs = rate(found[row.tutorial])
            line += f"{theirs:>10.0f}{rate(ours) / theirs:>7.2f}"
        print(line)


@contextlib.contextmanager
def servers(url: str, size: int) -> Iterator[tuple[dict[str, str], dict[str, int]]]:
    """Run Liftoff without its caches, Liftoff with its caches, and the rivals.

    Yield the addresses and the processes, by name.
    """
    from tests.support.server import running_server

    common = {"WEB_CONCURRENCY": "1", "LOG_LEVEL": "error", "EMBEDDED_WORKER": "false"}
    common |= {"DATABASE_POOL_SIZE": "", "DATABASE_MAX_OVERFLOW": "", "WORKER_THREADS": ""}
    without = common | {"CACHE_ENABLED": "false", "IDENTITY_CACHE_SECONDS": "0"}
    within = common | {"CACHE_ENABLED": "true", "IDENTITY_CACHE_SECONDS": "1"}
    with contextlib.ExitStack() as stack:
        ours = stack.enter_context(running_server(**without))
        cached = stack.enter_context(running_server(**within))
        body = httpx2.get(f"{ours.url}/blog/posts?limit=20").content
        program = ["-m", "benchmarks.rivals_server"]
        rivals = stack.enter_context(
            running_server(*program, BENCHMARK_URL=url, BENCHMARK_BYTES=str(len(body)))
        )
        running = {"ours": ours, "cached": cached, "rivals": rivals}
        print(f"\n{size:,} posts, pages of {len(body):,} bytes")
        yield (
            {name: one.url for name, one in running.items()},
            {name: one.process.pid for name, one in running.items()},
        )


def compare(url: str, size: int, token: str) -> dict[str, list[Measured]]:
    """Print the table at this size, and return the measurements by job."""
    with servers(url, size) as (at, processes):
        jobs = jobs_of(at["ours"], at["cached"], at["rivals"], token)
        if size != COMPARED:
            kept = ("20 posts by cursor", "20 posts with total", "create")
            jobs = {name: jobs[name] for name in kept}
            cursor = middle_of(f"{at['ours']}/blog/posts", size)
            jobs["20 posts by cursor"] = replace(
                jobs["20 posts by cursor"],
                url=f"{at['ours']}/blog/posts?limit=20&cursor={cursor}",
            )
        found = take_turns(jobs)
        if size == COMPARED:
            print_table(found)
            used = ", ".join(f"{name} {memory(pid)} MB" for name, pid in processes.items())
            print(f"memory: {used}")
        return found


def print_growth(by_size: dict[int, dict[str, list[Measured]]]) -> None:
    print("\ntime of a request, in milliseconds of the server, by the number of posts")
    print(f"{'':<24}" + "".join(f"{size:>12,}" for size in by_size) + f"{'ratio':>8}")
    smallest, largest = min(by_size), max(by_size)
    for name in ("20 posts by cursor", "20 posts with total", "create"):
        times = {size: 1000 / rate(found[name]) for size, found in by_size.items()}
        line = "".join(f"{times[size]:>12.2f}" for size in by_size)
        print(f"{name:<24}{line}{times[largest] / times[smallest]:>8.2f}")


def main() -> None:
    os.environ.update(databases.environment("postgresql"))
    url = os.environ["DATABASE_URL"] = databases.create("postgresql", "bench")
    from app import cli
    from tests.auth.factories import make_user, token_for
    from tests.blog.factories import make_category

    try:
        cli.migrate()
        token = token_for(make_user())
        for number in range(3):
            make_category(name=f"Category {number}", slug=f"category-{number}")
        print(f"Python {sys.version.split()[0]}, {os.cpu_count()} processors, one process each")
        by_size, filled = {}, 0
        for size in SIZES:
            fill(url, filled + 1, size)
            filled = size
            by_size[size] = compare(url, size, token)
        print_growth(by_size)
    finally:
        databases.stop_servers()


if __name__ == "__main__":
    main()

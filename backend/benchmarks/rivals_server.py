"""Serves `benchmarks.rivals` on `PORT`, with the same server that Liftoff uses."""

import os

import uvicorn

if __name__ == "__main__":
    uvicorn.run(
        "benchmarks.rivals:app", port=int(os.environ["PORT"]), log_level="error", access_log=False
    )

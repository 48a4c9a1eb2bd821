"""What the simulator is told at its start."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / ".data" / "simulator.db"
PORT = 8001


@dataclass(frozen=True)
class Settings:
    """`state` None keeps everything in memory; `seed` is that of a new state, `now`
    stops its clock there.

    `webhook` is the URL and the secret of an endpoint that gets all events. `host` is
    the address to listen on, and `names` are Host names to answer to besides those of
    this machine.
    """

    port: int = PORT
    state: Path | None = STATE
    seed: str | None = None
    now: int | None = None
    webhook: tuple[str, str] | None = None
    host: str = "127.0.0.1"
    names: tuple[str, ...] = ()

    @property
    def base_url(self) -> str:
        """Where browsers reach the hosted pages: this machine only."""
        return f"http://127.0.0.1:{self.port}"

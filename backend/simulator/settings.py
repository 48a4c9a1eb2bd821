"""The settings with which the simulator starts."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / ".data" / "simulator.db"
PORT = 8001


@dataclass(frozen=True)
class Settings:
    """The settings.

    With `state=None`, everything is kept in memory. `seed` is the seed of a new state.
    With `now`, the clock of a new state stands still at that time. `webhook` is the URL
    and the secret of an endpoint that receives all events. `host` is the address to
    listen on. `names` are host names that are accepted in addition to those of this
    machine.
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
        """Return the URL of the hosted pages for browsers on this machine."""
        return f"http://127.0.0.1:{self.port}"

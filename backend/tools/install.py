"""Installs the locked packages into .venv, unless they are already installed.

The program uses only the standard library, because no package is installed yet.
"""

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tools.console import Problem, say, step

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "backend" / "requirements-dev.txt"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / ".installed"
LOG = VENV / "install.log"
SEE_LOG = f"Full log: {LOG.relative_to(ROOT)}"

OFFLINE = re.compile(
    r"name resolution|not known|resolve host|dns error|unreachable|connection refused|"
    r"error sending request|failed to establish|timed out|proxyerror",
    re.IGNORECASE,
)


def main() -> int:
    """Bring .venv up to date.

    Raises `Problem` if packages cannot be downloaded, or if .venv cannot be written.
    """
    try:
        return bring_up_to_date()
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise Problem(
            f".venv cannot be written: {where}{error.strerror}. Become its owner or remove it, "
            "and run make again."
        ) from error


def bring_up_to_date() -> int:
    lock = f"lock {hashlib.sha256(LOCK.read_bytes()).hexdigest()}"
    usable = is_usable()
    uv = shutil.which("uv")
    if usable and lock in STAMP.read_text().splitlines():
        # make only compares file times. The lock file may have a new time although its
        # content is unchanged.
        STAMP.touch()
        return 0
    # uv removes packages that are no longer in the lock. pip does not, so it gets a new
    # environment.
    if not usable or not uv:
        with step(f".venv made with Python {sys.version.split()[0]}"):
            create(uv)
    STAMP.unlink(missing_ok=True)
    say(
        f"Installing {LOCK.read_text().count('==')} packages with "
        f"{'uv' if uv else 'pip (about a minute, once)'} ..."
    )
    with step("packages installed"):
        install(uv)
    STAMP.write_text(f"{lock}\npython {sys.version.split()[0]}\n")
    return 0


def is_usable() -> bool:
    """Return whether .venv is complete and its Python still runs.

    An incomplete .venv has no stamp.
    """
    if not STAMP.exists():
        return False
    try:
        return subprocess.run([PYTHON, "-c", ""], check=False, capture_output=True).returncode == 0
    except OSError:
        return False


def create(uv: str | None) -> None:
    if uv:
        output = attempt(
            uv, "venv", "--quiet", "--no-project", "--clear", "--python", sys.executable, VENV
        )
    else:
        output = attempt(sys.executable, "-m", "venv", "--clear", VENV)
    if "ensurepip" in output or "No module named venv" in output:
        package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
        raise Problem(
            f"{sys.executable} lacks the venv module. Run apt-get install {package}, then run "
            "make again."
        )
    if output:
        raise Problem(f"The virtual environment could not be made: {last_line(output)}. {SEE_LOG}")


def install(uv: str | None) -> None:
    """Install exactly the packages in the lock, then check that they fit together.

    No step resolves dependencies, because a resolver asks the package index, whose
    responses change over time. Old versions of pip (22.3, 23.2) resolved
    `coverage[toml]` again as soon as a newer coverage was published, although the lock
    has hashes. So a clone that could be installed one week failed to install the next.
    That is why pip gets `--no-deps`. `uv pip sync` never resolves. Only wheels are
    allowed, because building a source distribution resolves its build requirements.

    Raises `Problem`.
    """
    exactly = ["--require-hashes", "--only-binary=:all:"]
    fill: list[str | Path]
    check: list[str | Path]
    if uv:
        # Compile to bytecode, as pip does. If Python may not write bytecode itself,
        # each start would otherwise take 2 s longer.
        fill = [
            uv,
            "pip",
            "sync",
            "--quiet",
            "--compile-bytecode",
            "--python",
            PYTHON,
            *exactly,
            LOCK,
        ]
        check = [uv, "pip", "check", "--python", PYTHON]
    else:
        pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check"]
        fill = [*pip, "install", "--quiet", "--no-deps", *exactly, "--requirement", LOCK]
        check = [*pip, "check"]
    output = attempt(*fill)
    if OFFLINE.search(output):
        raise Problem(
            "No network: the packages could not be downloaded. Connect, and run make again. "
            f"{SEE_LOG}"
        )
    if output:
        raise Problem(f"The packages could not be installed: {last_line(output)}. {SEE_LOG}")
    if output := attempt(*check):
        raise Problem(
            f"The packages of the lock do not fit together: {last_line(output)}. {SEE_LOG}"
        )


def attempt(*command: str | Path) -> str:
    """Run a command, and write its output to the log.

    Return the output if the command failed, or an empty string.
    """
    done = subprocess.run(
        command,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    VENV.mkdir(exist_ok=True)
    LOG.write_text(f"$ {' '.join(map(str, command))}\n{done.stdout}")
    return (done.stdout or f"exit code {done.returncode}") if done.returncode else ""


def last_line(output: str) -> str:
    return output.strip().splitlines()[-1].strip()[:200]

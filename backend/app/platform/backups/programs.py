"""Client programs of the databases, and the streams to and from them."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from typing import IO

from app.core.logging import scrub_for_log

from . import BackupFailed

BLOCK = 2**18
VERSION = re.compile(r"(?<!\d)(\d{1,9})\.\d")
NOISE = ("pg_dump: detail:", "pg_restore: detail:", "Warning:")


class ProgramFailed(BackupFailed):
    """A client program has ended with an error."""


def find_program(names: Iterable[str], package: str) -> str:
    """Return the path of the first of these programs. Raises `BackupFailed`."""
    names = list(names)
    if found := next(filter(None, map(shutil.which, names)), None):
        return found
    raise BackupFailed(
        f"{' or '.join(names)} is not on PATH. Install the package {package}, in the version of "
        "the database server or newer."
    )


def major_version(program: str) -> int:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    found = VERSION.search(said.stdout)
    if not found:
        raise BackupFailed(f"{program} does not say its version.")
    return int(found[1])


class Program:
    """A running client program.

    The program's input and output are pipes. The program's error output goes to a file,
    so that the program never has to wait while it writes errors.
    """

    def __init__(self, command: list[str], env: dict[str, str], *, reads: bool) -> None:
        self._name = command[0].rpartition("/")[2]
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `end`
        self._process = subprocess.Popen(
            command,
            env=env,
            stdin=subprocess.PIPE if reads else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            bufsize=BLOCK,
        )

    @property
    def input(self) -> IO[bytes]:
        assert self._process.stdin
        return self._process.stdin

    @property
    def output(self) -> IO[bytes]:
        assert self._process.stdout
        return self._process.stdout

    def read(self) -> Iterator[bytes]:
        """Yield the output until it ends."""
        while block := self.output.read(BLOCK):
            yield block

    def finish(self) -> None:
        """Wait until the program ends. Raises `ProgramFailed` with the first error
        message.
        """
        if self._process.stdin:
            with suppress(BrokenPipeError):
                self._process.stdin.close()
        if self._process.wait() != 0:
            raise ProgramFailed(f"{self._name} failed: {self.first_error()}")

    def first_error(self) -> str:
        """Return the first error message, without the rows that may follow it."""
        self._errors.seek(0)
        lines = self._errors.read(4096).decode("utf-8", "replace").splitlines()
        told = [line for line in lines if line.strip() and not line.startswith(NOISE)]
        chosen = next((line for line in told if "ERROR" in line), told[0] if told else "no reason")
        return str(scrub_for_log(chosen.strip()))

    def end(self) -> None:
        """Kill the program if it still runs, and close its files."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                with suppress(OSError):
                    stream.close()
        self._errors.close()


@contextmanager
def running(command: list[str], env: dict[str, str], *, reads: bool = False) -> Iterator[Program]:
    """Run a program, which is killed if it still runs when the block ends."""
    program = Program(command, env, reads=reads)
    try:
        yield program
    finally:
        program.end()


class Feeder:
    """Writes chunks to a program in a thread, while this thread reads its output."""

    def __init__(self, program: Program, chunks: Iterator[bytes]) -> None:
        self._program, self._chunks = program, chunks
        self._error: Exception | None = None
        self._thread = Thread(target=self._feed, daemon=True)
        self._thread.start()

    def _feed(self) -> None:
        try:
            for chunk in self._chunks:
                self._program.input.write(chunk)
            self._program.input.close()
        except BrokenPipeError:
            pass  # the program has ended, and its `finish` raises the error
        except Exception as error:  # noqa: BLE001 - raised again in the other thread
            self._error = error
            self._program.end()

    def finish(self) -> None:
        """Wait until all chunks are written. Raise any error that the chunks raised."""
        self._thread.join()
        if self._error:
            raise self._error

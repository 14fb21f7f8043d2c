"""The program in a session of its own: started, signalled, waited for, and looked for when it is gone."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.program import TRACEBACK

# Long past what any of these runs takes; a run that reaches it hangs.
_PATIENCE_SECONDS = 120.0


@dataclass(frozen=True)
class Ended:
    """How a run ended: exit code (negative: the signal), what it printed, and when."""

    code: int
    output: str
    errors: str

    @property
    def last_words(self) -> str:
        """The last line on stderr: what a person reads who sees the run fail."""
        lines = [line.strip() for line in self.errors.splitlines() if line.strip()]
        return lines[-1] if lines else ""


class Run:
    """One run of ``fxray``, with all processes that it starts in one session and process group.

    What it prints goes to files: workers that outlive it would keep a pipe open.
    """

    def __init__(
        self, *arguments: object, environment: dict[str, str] | None = None, before: tuple[str, ...] = ()
    ) -> None:
        self._output = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self.arguments = tuple(map(str, arguments))
        self._process = subprocess.Popen(
            [*before, sys.executable, "-m", "fxcore", *self.arguments],
            env=os.environ | (environment or {}),
            stdout=self._output,
            stderr=self._errors,
            start_new_session=True,
        )
        self.pid = self._process.pid

    def is_running(self) -> bool:
        return self._process.poll() is None

    def signal_group(self, number: int) -> None:
        """Send a signal to all processes of the run, as a terminal does with Ctrl-C."""
        os.killpg(self.pid, number)

    def signal_parent(self, number: int) -> None:
        os.kill(self.pid, number)

    def wait(self, seconds: float = _PATIENCE_SECONDS) -> Ended:
        """Wait for the end of the run; a traceback always fails."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.signal_group(signal.SIGKILL)
            self._process.wait()
            raise AssertionError(
                f"the run did not end within {seconds:.0f} seconds; it said: {_text(self._errors)}"
            ) from None
        ended = Ended(code, _text(self._output), _text(self._errors))
        assert TRACEBACK not in ended.errors + ended.output, ended.errors
        return ended

    def wait_until(self, happened: Callable[[], bool]) -> bool:
        """Return True when something has happened, False when the run ended before."""
        deadline = time.monotonic() + 60
        while not happened():
            if not self.is_running():
                return happened()
            assert time.monotonic() < deadline, "what was waited for did not happen"
            time.sleep(0.002)
        return True

    def processes(self) -> list[int]:
        """Return the processes of this run that are still there, zombies not counted."""
        return [pid for pid, session in _all_processes() if session == self.pid and not _has_ended(pid)]

    def assert_gone(self, seconds: float = 5.0) -> None:
        """Check that no process of the run is left after `seconds`."""
        deadline = time.monotonic() + seconds
        while left := self.processes():
            if time.monotonic() > deadline:
                names = [_command(pid) for pid in left]
                self.signal_group(signal.SIGKILL)
                raise AssertionError(f"processes left behind after {seconds:.0f} seconds: {names}")
            time.sleep(0.02)


def _text(file: tempfile._TemporaryFileWrapper[str]) -> str:
    file.seek(0)
    return file.read()


def _all_processes() -> list[tuple[int, int]]:
    """Return number and session of each process."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError):
            found.append((int(path.parent.name), int(_stat(path)[3])))
    return found


def _has_ended(pid: int) -> bool:
    """Tell a process of which nothing but its exit code is left.

    One whose first thread has ended is shown as a zombie; its files stay open until all its threads have.
    """
    try:
        return all(_stat(path)[0] in "ZX" for path in Path(f"/proc/{pid}/task").glob("*/stat"))
    except OSError:
        return not Path(f"/proc/{pid}").exists()


def _stat(path: Path) -> list[str]:
    # The name in brackets may hold anything; what follows the last bracket is fixed (proc(5)).
    return path.read_text().rpartition(")")[2].split()


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:200]
    except OSError:
        return f"process {pid}"

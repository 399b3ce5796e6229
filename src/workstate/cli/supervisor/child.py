"""One child process in a process group of its own: started, watched, asked to end, killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from typing import IO, TYPE_CHECKING

from workstate.cli.supervisor.backoff import Backoff

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workstate.cli.supervisor.programs import Program


class Child:
    """The process of a program, or the wait for its next start."""

    def __init__(self, program: Program, environment: Mapping[str, str]) -> None:
        self.program = program
        self.starts_at = 0.0
        self._environment = environment
        self._backoff = Backoff()
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._signals = list(program.stop_signals)

    @property
    def is_running(self) -> bool:
        """Whether there is a process, alive or not yet reaped."""
        return self._process is not None

    def start(self) -> IO[bytes]:
        """Start the process and return the pipe with everything that it prints."""
        self._process = subprocess.Popen(  # noqa: S603  our own command, no shell
            self.program.command,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=0,
            bufsize=0,
        )
        self._started_at = time.monotonic()
        assert self._process.stdout
        return self._process.stdout

    def reap(self) -> str | None:
        """Clear away an ended process and return why it ended, or None while it runs."""
        if self._process is None or self._process.poll() is None:
            return None
        self.kill()  # pool processes that outlived it
        assert self._process.stdin
        self._process.stdin.close()
        reason = describe_exit(self._process.returncode)
        self._process = None
        return reason

    def plan_restart(self) -> float:
        """Set the moment of the next start and return the seconds until then."""
        now = time.monotonic()
        delay = self._backoff.delay_after(now - self._started_at)
        self.starts_at = now + delay
        return delay

    def ask_to_end(self, seconds_since_stop: float) -> None:
        """Send those of the program's stop signals whose moment has come, to the child alone.

        Its pool processes are its own to end: a signal to the whole group would kill their tasks.
        """
        while self._process and self._signals and self._signals[0][0] <= seconds_since_stop:
            self._process.send_signal(self._signals.pop(0)[1])

    def kill(self) -> None:
        """Kill the process and all that it started."""
        assert self._process
        with contextlib.suppress(ProcessLookupError):  # nobody is left in the group
            os.killpg(self._process.pid, signal.SIGKILL)


def describe_exit(return_code: int) -> str:
    """Return in words how a process ended, from its return code as `subprocess` gives it."""
    if return_code < 0:
        return f"killed by {signal.Signals(-return_code).name}"
    return f"exit code {return_code}"

"""The supervisor's loop: output, deaths, restarts and the end, all in one thread."""

from __future__ import annotations

import contextlib
import selectors
import signal
import socket
import time
from typing import IO, TYPE_CHECKING

from workstate.cli.supervisor.child import Child
from workstate.cli.supervisor.output import Lines, Output

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import FrameType

    from workstate.cli.supervisor.programs import Program

STOP_SECONDS = 4.0
OUTPUT_SECONDS = 4.5  # a process that left its group may hold the pipe open
PROBE_INTERVAL_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 60.0
READ_BYTES = 65_536
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Supervisor:
    """Keeps programs running until it is told to stop."""

    def __init__(
        self,
        programs: Sequence[Program],
        *,
        environment: Mapping[str, str],
        output: Output,
        is_ready: Callable[[], bool],
        announce: Callable[[], None],
    ) -> None:
        self._children = [Child(program, environment) for program in programs]
        self._output = output
        self._is_ready = is_ready
        self._announce = announce
        self.was_ready = False
        self._stop_began_at: float | None = None
        self._selector = selectors.DefaultSelector()

    def run(self) -> None:
        """Start everything, keep it running, and return when all of it has ended."""
        with self._signals(), self._selector:
            try:
                while self._stop_began_at is None:
                    self._keep_running()
                    self._wait()
                self._output.say("stopping")
                while self._end_running(time.monotonic() - self._stop_began_at):
                    self._wait()
                self._output.say("everything has ended")
            finally:
                self._kill_all()

    def _keep_running(self) -> None:
        self._bury_the_dead()
        self._start_due()
        self._announce_once()

    def _wait(self) -> None:
        """Wait for output, a death, a signal or the next thing that is due."""
        for key, _ in self._selector.select(self._seconds_until_next()):
            key.data()

    def _bury_the_dead(self) -> None:
        for child in self._children:
            reason = child.reap()
            if reason is not None:
                delay = child.plan_restart()
                self._output.say(f"{child.program.name} ended ({reason}); starting it again in {delay:g} s")

    def _start_due(self) -> None:
        now = time.monotonic()
        for child in self._children:
            if not child.is_running and child.starts_at <= now:
                self._follow(child.program.name, child.start())

    def _follow(self, name: str, pipe: IO[bytes]) -> None:
        lines = Lines()

        def relay() -> None:
            data = pipe.read(READ_BYTES)
            for line in lines.feed(data) if data else lines.finish():
                self._output.say(line, name=name)
            if not data:
                self._selector.unregister(pipe)
                pipe.close()

        self._selector.register(pipe, selectors.EVENT_READ, relay)

    def _announce_once(self) -> None:
        if not self.was_ready and self._is_ready():
            self.was_ready = True
            self._announce()

    def _end_running(self, seconds_since_stop: float) -> bool:
        """Push on with the end; return whether anything still runs or has output to show."""
        running = [child for child in self._children if child.is_running and child.reap() is None]
        for child in running:
            child.ask_to_end(seconds_since_stop)
            if seconds_since_stop >= STOP_SECONDS:
                child.kill()
        is_silent = len(self._selector.get_map()) == 1 or seconds_since_stop >= OUTPUT_SECONDS
        return bool(running) or not is_silent

    def _kill_all(self) -> None:
        for child in self._children:
            if child.is_running:
                child.kill()

    def _seconds_until_next(self) -> float:
        if not self.was_ready or self._stop_began_at is not None:
            return PROBE_INTERVAL_SECONDS
        waiting = [child.starts_at for child in self._children if not child.is_running]
        return min([max(moment - time.monotonic(), 0) for moment in waiting], default=LONGEST_WAIT_SECONDS)

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """Let the signals to stop, and the death of a child, wake the loop."""
        receiver, sender = socket.socketpair()
        receiver.setblocking(False)
        sender.setblocking(False)
        self._selector.register(receiver, selectors.EVENT_READ, lambda: receiver.recv(READ_BYTES))
        former_descriptor = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
        former = {number: signal.signal(number, self._begin_stop) for number in STOP_SIGNALS}
        former[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, _do_nothing)
        try:
            yield
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(former_descriptor)
            receiver.close()
            sender.close()

    def _begin_stop(self, _number: int, _frame: FrameType | None) -> None:
        if self._stop_began_at is None:
            self._stop_began_at = time.monotonic()


def _do_nothing(_number: int, _frame: FrameType | None) -> None:
    """Exist: without a handler the signal would not reach the wake-up descriptor."""

"""Small jobs of one kind travel to a pool process together, and their outcomes come back together.

Handing a job to a pool process and hearing of its end costs several times what a small job
does itself. So when several jobs of a task wait whose runs have lately been short, they go in
one bundle; each keeps its own state, result, retry and closing.

    waiting ──a slot is free──▶ bundle of k ──▶ run one after the other ──▶ k outcomes
                                       │
                                  one takes long ──cut──▶ those not begun wait again

What may go wrong, and what happens then:

- A job of the bundle takes long. After `PATIENCE_SECONDS` the bundle is cut behind the job that
  is running, and the rest wait for another process: nobody waits behind a slow neighbour. Cut and
  begin are decided under one lock in shared memory, so a job is either begun or taken back.
- All processes are busy for long. What was claimed beyond the prefetch limit, because jobs were ending
  quickly, is given back to the ledger after `HOARD_SECONDS`, so that another worker can take it.
- The process dies. All jobs of the bundle count as lost with it, and since a job that was lost
  once never travels in a bundle again, the one that kills its process is found.
- Tasks with time limits, rate limits or early acknowledgement never travel in bundles.
"""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from multiprocessing import Lock
from multiprocessing.sharedctypes import RawArray
from time import monotonic
from typing import TYPE_CHECKING, Any
from weakref import ref

from workstate.core.worker.execution import Beginning, JobArguments, run_job

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from billiard.einfo import ExceptionInfo

    from workstate.core.worker.request import LedgerRequest

PATIENCE_SECONDS = 0.05
LARGEST = 32
PROCESSOR_SECONDS = 0.005
"""What a bundle is expected to use of a processor at most."""
LASTING_SECONDS = 0.025
"""How long it is expected to last at most, with all that its jobs wait for: an answer, or a processor."""
SAMPLES = 8
"""How many runs must have been seen before a task is trusted."""
WEIGHT = 0.1
"""Of the newest run in the averages."""
SLOTS = 256
HOARD_SECONDS = 0.25
"""How long jobs claimed beyond the prefetch limit may wait when nothing ends any more."""

LOCK_PATIENCE_SECONDS = 0.1

_lock = Lock()
_patience = LOCK_PATIENCE_SECONDS
_begun = RawArray("i", SLOTS)
_limits = RawArray("i", SLOTS)


def run_bundle(slot: int, jobs: list[JobArguments]) -> list[Any]:
    """Run jobs one after the other, until the bundle is cut; returns the outcomes of those that ran."""
    outcomes = []
    for position, job in enumerate(jobs):
        if not _may_begin(slot, position):
            break
        outcomes.append(run_job(job, Beginning(note=False, acknowledge=False)))
    return outcomes


def _may_begin(slot: int, position: int) -> bool:
    with _locked():
        if position >= _limits[slot]:
            return False
        _begun[slot] = position + 1
        return True


@contextmanager
def _locked() -> Iterator[bool]:
    """Hold the lock that decides between begin and cut; gives False when it can't be had.

    A process killed while it held the lock keeps it for ever. Then nothing is cut any more, so
    whoever begins may begin without it.
    """
    global _patience  # noqa: PLW0603  a lost lock is lost to the whole process
    has_lock = _lock.acquire(timeout=_patience)
    if not has_lock:
        _patience = 0
    try:
        yield has_lock
    finally:
        if has_lock:
            _lock.release()


class Runtimes:
    """What the runs of a task have lately taken, on average: of time, and of a processor's time.

    On an overloaded machine the first grows with what else runs there, and the second does not. Then bundles save
    the most, so it is the second that says how small a job is; the first bounds how long others wait behind it.
    """

    def __init__(self) -> None:
        self._count = 0
        self.mean_seconds = 0.0
        self.mean_processor_seconds = 0.0

    def note(self, seconds: float, processor_seconds: float) -> None:
        """Take one more run into the averages."""
        self._count += 1
        weight = max(WEIGHT, 1 / self._count)
        self.mean_seconds += weight * (seconds - self.mean_seconds)
        self.mean_processor_seconds += weight * (processor_seconds - self.mean_processor_seconds)

    @property
    def bundle_size(self) -> int:
        """How many such jobs may travel together; 1 when they take too long for it, or too few were seen."""
        if self._count < SAMPLES:
            return 1
        by_processor = PROCESSOR_SECONDS / max(self.mean_processor_seconds, 1e-6)
        by_time = LASTING_SECONDS / max(self.mean_seconds, 1e-6)
        return max(1, min(LARGEST, int(by_processor), int(by_time)))


class Bundler:
    """Puts the waiting jobs of one worker into bundles; used by its main thread only."""

    def __init__(self, controller: Any) -> None:
        self._controller = controller
        self._waiting: dict[str, deque[LedgerRequest]] = {}
        self._runtimes: dict[str, Runtimes] = {}
        self._free_slots = list(range(SLOTS))
        self._under_way: list[Bundle] = []
        self._all_runtimes = Runtimes()
        self._last_end = 0.0
        self._checks = False

    @classmethod
    def for_worker(cls, controller: Any) -> Bundler | None:
        """Return the bundler of a worker, or None when its pool has no use for bundles.

        Threads share the interpreter, so nothing is won; limits for the whole pool would hold for a bundle.
        """
        has_limits = controller.time_limit or controller.soft_time_limit
        forks = controller.pool_cls.__module__.endswith("prefork") and controller.pool_start_method == "fork"
        if has_limits or not forks or not controller.use_eventloop:
            return None
        bundler: Bundler | None = getattr(controller, "workstate_bundler", None)
        if bundler is None:
            bundler = controller.workstate_bundler = cls(controller)
        return bundler

    def note(self, task: str, seconds: float, processor_seconds: float) -> None:
        """Learn what a run took, and what it used of a processor."""
        self._last_end = monotonic()
        self._all_runtimes.note(seconds, processor_seconds)
        self._runtimes.setdefault(task, Runtimes()).note(seconds, processor_seconds)

    def lookahead(self) -> int:
        """Return how many jobs are worth claiming beyond the prefetch limit: a bundle for each process, while jobs end."""
        size = self._all_runtimes.bundle_size
        if size == 1 or monotonic() - self._last_end > PATIENCE_SECONDS:
            return 0
        processes: int = self._controller.pool.num_processes
        return processes * size

    def offer(self, request: LedgerRequest) -> None:
        """Let a request that waits for a slot travel with another one."""
        self._waiting.setdefault(request.task.name, deque()).append(request)
        self._check_later()

    def bundle_with(self, request: LedgerRequest) -> list[LedgerRequest]:
        """Return the requests that travel with `request`, which has just got its slot, itself first."""
        task = request.task.name
        waiting = self._waiting.get(task, deque())
        travels = waiting and request.may_travel and self._free_slots
        size = self._size(task, len(waiting)) if travels else 1
        mates = [request]
        while waiting and (len(mates) < size or not waiting[0].is_waiting):
            mate = waiting.popleft()
            if mate.is_waiting and not mate.revoked():
                mates.append(mate)
        return mates

    def _size(self, task: str, waiting: int) -> int:
        runtimes = self._runtimes.get(task)
        processes: int = max(1, self._controller.pool.num_processes)
        return 1 if runtimes is None else min(runtimes.bundle_size, -(-waiting // processes))

    def send(self, requests: list[LedgerRequest], pool: Any) -> Any:
        """Hand several requests to one pool process."""
        bundle = Bundle(self._free_slots.pop(), requests)
        result = bundle.send(pool, self._done)
        self._under_way.append(bundle)
        self._check_later()
        return result

    def _done(self, bundle: Bundle) -> None:
        self._under_way.remove(bundle)
        self._free_slots.append(bundle.slot)

    def _check_later(self) -> None:
        if not self._checks:
            self._checks = True
            self._controller.timer.call_after(PATIENCE_SECONDS, self._check)

    def _check(self) -> None:
        self._checks = False
        now = monotonic()
        for bundle in self._under_way:
            if not bundle.is_cut and now - bundle.sent_at >= PATIENCE_SECONDS:
                self._wait_again(bundle.cut())
        if now - self._last_end >= HOARD_SECONDS:
            self._give_back_hoard()
        if self._under_way or any(self._waiting.values()):
            self._check_later()

    def _give_back_hoard(self) -> None:
        waiting = [request for requests in self._waiting.values() for request in requests if request.is_waiting]
        surplus = len(waiting) - self._controller.consumer.qos.value
        for request in sorted(waiting, key=lambda request: request.held.job.id)[::-1][: max(0, surplus)]:
            self._waiting[request.task.name].remove(request)
            request.give_back()

    def _wait_again(self, requests: Iterable[LedgerRequest]) -> None:
        for request in requests:
            request.wait_again()
            self._controller.process_task(request)


class Bundle:
    """Requests on their way through one pool process."""

    def __init__(self, slot: int, requests: list[LedgerRequest]) -> None:
        self.slot = slot
        self.requests = requests
        self.sent_at = monotonic()
        self.is_cut = False

    def send(self, pool: Any, done: Any) -> Any:
        """Write the jobs to the pool."""
        self._done = done
        _begun[self.slot] = 0  # no process knows of this slot yet
        _limits[self.slot] = len(self.requests)
        result = pool.apply_async(
            run_bundle,
            args=(self.slot, [request.job_arguments() for request in self.requests]),
            accept_callback=self._on_accepted,
            callback=self._on_success,
            error_callback=self._on_failure,
            correlation_id=self.requests[0].id,
        )
        for request in self.requests:
            request.has_travelled_in(result if result is None else ref(result))
        for mate in self.requests[1:]:
            mate.skip_a_turn()
        return result

    def cut(self) -> list[LedgerRequest]:
        """Let the process begin no more of these jobs; returns those that it has not begun."""
        self.is_cut = True
        with _locked() as has_lock:
            if not has_lock:
                return []
            kept = _limits[self.slot] = max(1, _begun[self.slot])
        taken_back = self.requests[kept:]
        self.requests = self.requests[:kept]
        return taken_back

    def _on_accepted(self, pid: int, time_accepted: float) -> None:
        for request in self.requests:
            request.on_accepted(pid, time_accepted)

    def _on_success(self, outcomes: list[Any], **kwargs: Any) -> None:
        self._done(self)
        for request, outcome in zip(self.requests, outcomes, strict=True):
            request.on_success(outcome)

    def _on_failure(self, exc_info: ExceptionInfo, **kwargs: Any) -> None:
        self._done(self)
        for request in self.requests:
            request.on_failure(exc_info, **kwargs)

"""Says once that something is away and once that it is back."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from workstate.core.telemetry import emit
from workstate.core.telemetry.catalogue import (
    BrokerLost,
    BrokerReturned,
    CacheLost,
    CacheReturned,
    OutageBegan,
    OutageEnded,
)


@dataclass(slots=True)
class Outage:
    """Whether `subject` is away; one event when that begins, one when it ends."""

    subject: str
    began: type[OutageBegan | BrokerLost | CacheLost] = OutageBegan
    ended: type[OutageEnded | BrokerReturned | CacheReturned] = OutageEnded
    _began_at: float | None = field(default=None, init=False)

    def begin(self, error: BaseException) -> None:
        """Tell that the subject is away, unless that is known."""
        if self._began_at is None:
            self._began_at = time.monotonic()
            emit(self.began(subject=self.subject, error=" ".join(str(error).split())))

    def end(self) -> None:
        """Tell that the subject is back, if it was away."""
        if self._began_at is not None:
            began_at, self._began_at = self._began_at, None
            emit(self.ended(subject=self.subject, seconds=time.monotonic() - began_at))

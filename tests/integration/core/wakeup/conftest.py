from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from calls import Calls
from workstate.core.wakeup import Watcher, open_watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path


@pytest.fixture
def watch() -> Iterator[Callable[..., Calls]]:
    """Start a watcher of `default`; return its calls once it watches."""
    with ExitStack() as watchers:

        def watch(channel: str = "workstate_test", also: Sequence[Path] = ()) -> Calls:
            calls = Calls()
            watcher: Watcher = open_watcher("default", channel, calls, also=also)
            watcher.start()
            watchers.callback(watcher.stop)
            calls.wait_for(1)
            calls.settle()
            return calls

        yield watch

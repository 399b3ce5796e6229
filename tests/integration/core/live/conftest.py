from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from asgiref.sync import sync_to_async

from workstate.core import live
from workstate.core.live.hub import Hub, open_hub, stop_hub

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from real_databases import RealDatabase


@pytest.fixture
async def hub(database: RealDatabase) -> AsyncIterator[Hub]:
    """The hub of this test's loop."""
    yield open_hub()
    await stop_hub()


publish = sync_to_async(live.publish)

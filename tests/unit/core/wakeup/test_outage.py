from __future__ import annotations

import logging

from workstate.core.wakeup.outage import Outage


def test_outage_is_logged_once_when_it_begins_and_once_when_it_ends(caplog):
    caplog.set_level(logging.INFO)
    outage = Outage("The thing")
    outage.end()
    for _ in range(3):
        outage.begin(OSError("no\nanswer"))
    for _ in range(3):
        outage.end()
    assert [record.message.partition(" after")[0] for record in caplog.records] == [
        "The thing is away: no answer",
        "The thing is back",
    ]

"""Many that want the same call at the same moment, on connections of their own."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from real_databases import BOTH_DATABASES
from workstate.core.external.errors import CallInProgressError
from workstate.core.external.models import ExternalCall
from workstate.core.external.services import perform_call
from workstate.core.external.states import OnAmbiguous
from workstate.core.external.work import Answer, ExternalWork

pytestmark = [BOTH_DATABASES, pytest.mark.usefixtures("database")]

CALLERS = 6
KEYS = 10


class Parcel(ExternalWork):
    purpose = "tests.parcel"
    on_ambiguous = OnAmbiguous.REPEAT
    sent: list[str]
    applied: list[str]

    def send(self, call):
        self.sent.append(call.key)
        return Answer(body="yes")

    def apply(self, call):
        self.applied.append(call.key)


@pytest.fixture(autouse=True)
def _nothing_sent():
    Parcel.sent, Parcel.applied = [], []


def ask_for_each_key(start):
    """Ask for all keys, each at the same moment as the other callers; return how each ended."""
    ends = []
    try:
        for number in range(KEYS):
            start.wait(30)
            try:
                ends.append(perform_call(Parcel, key=f"order {number}").state)
            except CallInProgressError:
                ends.append("in progress")
    finally:
        connections.close_all()
    return ends


def test_of_many_that_ask_for_a_key_one_sends_and_one_applies():
    start = threading.Barrier(CALLERS)
    with ThreadPoolExecutor(CALLERS) as callers:
        ends = [future.result(60) for future in [callers.submit(ask_for_each_key, start) for _ in range(CALLERS)]]

    keys = [f"order {number}" for number in range(KEYS)]
    assert sorted(Parcel.sent) == keys
    assert sorted(Parcel.applied) == keys
    assert set(ExternalCall.objects.values_list("state", "sends")) == {("applied", 1)}
    assert {end for of_one in ends for end in of_one} <= {"applied", "in progress"}
    assert all("applied" in of_key for of_key in zip(*ends, strict=True))

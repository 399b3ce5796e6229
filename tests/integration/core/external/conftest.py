from __future__ import annotations

from types import SimpleNamespace

import pytest

from engine.fixtures import app, connect, ledger, nothing_left_behind, worker
from workstate.core.external.states import OnAmbiguous
from workstate.core.external.work import Answer, ExternalWork

__all__ = ["app", "connect", "house", "ledger", "nothing_left_behind", "worker"]

outside = SimpleNamespace(sent=[], applied=[], send=None, apply=None)


@pytest.fixture
def house():
    """What lies outside: what was sent there, and how it answers."""
    outside.sent, outside.applied = [], []
    outside.send = lambda call: Answer(body=f"yes to {call.key}", details={"status": 200})
    outside.apply = lambda _: None
    return outside


class Post(ExternalWork):
    def send(self, call):
        outside.sent.append((self.purpose, call.key))
        return outside.send(call)

    def apply(self, call):
        outside.apply(call)
        outside.applied.append((call.key, call.text))


class Mail(Post):
    purpose = "tests.mail"
    on_ambiguous = OnAmbiguous.NEVER_REPEAT


class Webhook(Post):
    purpose = "tests.webhook"
    on_ambiguous = OnAmbiguous.REPEAT
    max_sends = 2


class Payment(Post):
    purpose = "tests.payment"
    on_ambiguous = OnAmbiguous.ASK


@pytest.fixture(params=[Mail, Webhook, Payment], ids=["never repeat", "repeat", "ask"])
def work(request):
    return request.param


@pytest.fixture
def works():
    return SimpleNamespace(Mail=Mail, Webhook=Webhook, Payment=Payment)

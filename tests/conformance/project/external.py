"""Calls that leave the house, to a server of the test's, by a process that dies where the test says."""

import os
import signal
from pathlib import Path
from urllib.request import Request, urlopen

from celery import shared_task

from project.effects import record
from project.models import Note
from workstate.core.external.errors import CallInProgressError
from workstate.core.external.services import perform_call
from workstate.core.external.states import OnAmbiguous
from workstate.core.external.work import Answer, ExternalWork

VICTIMS = {"child": lambda: os.kill(os.getpid(), signal.SIGKILL), "all": lambda: os.killpg(0, signal.SIGKILL)}


def reach(point, call):
    """Die here if the test wrote so for this call, once."""
    order = Path(os.environ["GATES"]) / f"die {point} {call.key}"
    if order.exists():
        victim = order.read_text()
        order.unlink()
        record(f"died {call.key}")
        VICTIMS[victim]()


class Post(ExternalWork):
    def send(self, call):
        reach("before send", call)
        body = f"{self.purpose}\n{call.key}".encode()
        with urlopen(Request(call.request["url"], data=body), timeout=30) as response:
            answer = Answer(body=response.read(), details={"status": response.status})
        reach("after send", call)
        return answer

    def apply(self, call):
        reach("before apply", call)
        Note.objects.create(text=f"{call.key}: {call.text}")
        reach("after apply", call)


class Mail(Post):
    purpose = "mail"
    on_ambiguous = OnAmbiguous.NEVER_REPEAT


class Webhook(Post):
    purpose = "webhook"
    on_ambiguous = OnAmbiguous.REPEAT


class Payment(Post):
    purpose = "payment"
    on_ambiguous = OnAmbiguous.ASK


WORKS = {work.purpose: work for work in (Mail, Webhook, Payment)}


@shared_task(autoretry_for=(CallInProgressError,), default_retry_delay=0.1, max_retries=100)
def post(purpose, key, url):
    perform_call(WORKS[purpose], key=key, request={"url": url})


@shared_task(acks_late=False)
def post_once(purpose, key, url):
    perform_call(WORKS[purpose], key=key, request={"url": url})

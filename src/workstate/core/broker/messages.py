"""Between kombu's message and the ledger's row."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from datetime import UTC, datetime
from typing import Any

from kombu.message import Message
from kombu.utils.json import dumps

from workstate.core.jobs.records import ClaimedJob, Closing, Failure, NewJob, Token

BASE64 = "base64"


class JobMessage(Message):
    """A claimed job as kombu and Celery see it; acknowledging it closes the job."""

    token: Token
    job: ClaimedJob
    closes_itself = True
    """False once a Celery request has taken over and closes the job with its outcome."""
    is_with_pool = False
    """True once it was handed to a pool process."""
    is_started = False
    is_acknowledged = False
    """True once a task that may start only once has begun."""
    started_at: datetime | None = None
    runtime_seconds: float | None = None
    """How long its task's body ran, when it returned."""
    closing: Closing | None = None
    failure: Failure | None = None
    chord_id: str | None = None

    @property
    def task(self) -> str:
        """The name of the task, as its headers give it."""
        return str(self.headers.get("task") or "")

    @property
    def makes_others_available(self) -> bool:
        """Tell whether writing its end may have given other workers something to do."""
        closing = self.closing
        if closing is None or self.chord_id is not None or self.job.limit_key is not None:
            return True
        return closing.successor is not None or closing.followers is not None

    def __init__(self, job: ClaimedJob, process_id: int, channel: Any) -> None:
        self.job = job
        self.token = Token(job.id, process_id, job.attempt)
        properties = json.loads(job.properties)
        body = b64decode(job.body) if properties.pop("body_encoding", None) == BASE64 else job.body
        super().__init__(
            body=body,
            delivery_tag=f"{job.id}.{job.attempt}",
            content_type=properties.get("content_type"),
            content_encoding=properties.get("content_encoding"),
            delivery_info={
                "exchange": "",
                "routing_key": job.queue,
                "priority": job.priority,
                "redelivered": job.begun_at is not None or job.lost_attempts > 0,
            },
            properties=properties,
            headers=json.loads(job.headers),
            channel=channel,
        )
        if self.headers.get("group") is not None:
            self.chord_id = _chord_id(self.headers["group"], job.body)


def new_job(queue: str, message: dict[str, Any]) -> NewJob:
    """Turn a message that kombu publishes to `queue` into a job."""
    headers = message["headers"]
    properties = message["properties"]
    body = message["body"]
    if properties.get("body_encoding") == BASE64:  # prepared for another broker, and failed over to this one
        body = b64decode(body)
        if message["content-encoding"] in {"utf-8", "utf8"}:
            body = body.decode()
    kept = {key: properties[key] for key in ("correlation_id", "reply_to") if properties.get(key)}
    kept["content_type"] = message["content-type"]
    kept["content_encoding"] = message["content-encoding"]
    if isinstance(body, bytes):
        body = b64encode(body).decode()
        kept["body_encoding"] = BASE64
    return NewJob(
        task_id=headers.get("id") or properties["delivery_tag"],  # a message that is no task needs a name too
        task=headers.get("task") or "",
        queue=queue,
        headers=dumps(headers),
        properties=json.dumps(kept),
        body=body,
        priority=properties.get("priority") or 0,
        chord_id=_chord_id(headers.get("group"), body),
        available_at=_available_at(headers.get("eta")),
    )


def _chord_id(group_id: str | None, body: str) -> str | None:
    if group_id is None:
        return None
    _, _, embedded = json.loads(body)
    return group_id if embedded.get("chord") else None


def _available_at(eta: str | None) -> datetime | None:
    if not eta:
        return None
    moment = datetime.fromisoformat(eta)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

"""The messages of the jobs that a process has claimed and not yet closed, by task id."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workstate.core.broker.messages import JobMessage
    from workstate.core.jobs.records import HeldJob


class HeldMessages:
    """At most one message for a task id; any thread may look, the one that lets go of a message does so once."""

    def __init__(self) -> None:
        self._messages: dict[str, JobMessage] = {}

    def __bool__(self) -> bool:
        return bool(self._messages)

    def __contains__(self, message: JobMessage) -> bool:
        return self._messages.get(message.job.task_id) is message

    def get(self, task_id: str) -> JobMessage | None:
        """Return the message of a job, or None."""
        return self._messages.get(task_id)

    def add(self, message: JobMessage) -> None:
        """Hold a message; an older one of the same job is held no longer."""
        self._messages[message.job.task_id] = message

    def drop(self, message: JobMessage) -> None:
        """Hold a message no longer."""
        if message in self:
            self._messages.pop(message.job.task_id, None)

    def let_go(self, message: JobMessage) -> bool:
        """Drop a message that is to be given back; False when its job has ended, or it was let go of before."""
        return message.closing is None and self._messages.pop(message.job.task_id, None) is message

    def unbegun(self) -> list[JobMessage]:
        """Return the messages of jobs that no pool process has been handed."""
        return [message for message in self._open() if not message.is_with_pool]

    def unaccepted(self) -> list[JobMessage]:
        """Return the messages of jobs that no pool process is known to have begun."""
        return [message for message in self._open() if not message.is_started]

    def unknown(self, jobs: Sequence[HeldJob]) -> list[HeldJob]:
        """Return those of the jobs whose attempt no message is of."""
        known = {(message.token.job_id, message.token.attempt) for message in self._all()}
        return [job for job in jobs if (job.id, job.attempt) not in known]

    def _open(self) -> list[JobMessage]:
        return [message for message in self._all() if message.closing is None]

    def _all(self) -> list[JobMessage]:
        return list(self._messages.values())

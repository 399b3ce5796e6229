"""Enqueues the body of a chord in the transaction that closes the last job of its header.

Each header job is counted by its closing, which counts once; so the body is enqueued once,
and not at all when the transaction is rolled back.
"""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from celery import current_app
from celery.canvas import maybe_signature
from celery.exceptions import ChordError
from django.db import InterfaceError, OperationalError
from kombu.utils.json import dumps, loads

from workstate.core.jobs.errors import UNREADABLE
from workstate.core.jobs.states import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from celery.backends.base import BaseBackend

    from workstate.core.jobs.ledger import Ledger
    from workstate.core.jobs.records import FinishedChord

logger = logging.getLogger(__name__)


def enqueue_bodies(ledger: Ledger, chords: Sequence[FinishedChord]) -> None:
    """Enqueue the bodies of chords whose header has ended, or fail them with ChordError."""
    for chord in chords:
        try:
            with ledger.savepoint():
                _enqueue_body(ledger, chord.chord_id)
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            # A body that nobody can enqueue must not hold up the jobs that end with its header.
            logger.exception("The body of chord %s can't be enqueued, and its failure can't be told.", chord.chord_id)


def _enqueue_body(ledger: Ledger, chord_id: str) -> None:
    header = ledger.query(
        "SELECT state, result, headers, body, task_id, error_type, error_message FROM workstate_job"
        " WHERE chord_id = %s",
        [chord_id],
    )
    header.sort(key=lambda row: _group_index(row[2]))
    body = maybe_signature(_embedded_chord(row[3] for row in header), app=current_app)
    failed = next((row for row in header if row[0] != State.COMPLETED), None)
    if failed is not None:
        _, _, _, _, task_id, error_type, error_message = failed
        _fail(ledger, body, ChordError(f"Dependency {task_id} raised {error_type}({error_message})"))
        return
    try:
        with ledger.savepoint():
            body.apply_async(([loads(row[1]) if row[1] else None for row in header],))
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        logger.exception("The body of chord %s can't be enqueued.", chord_id)
        _fail(ledger, body, ChordError(f"Callback error: {error!r}"))


def _fail(ledger: Ledger, body: Any, error: ChordError) -> None:
    backend: BaseBackend = current_app.backend
    try:
        raise error
    except ChordError:
        backend.chord_error_from_stack(body, error)
    outer = body.options.get("chord")
    if outer:  # the chord was itself part of a header
        count_unrun_part(ledger, body.id, body.options["group_id"], outer)


def count_unrun_part(ledger: Ledger, task_id: str, chord_id: str, chord: Any) -> None:
    """Count a header job that ended without running, such as the rest of a chain, and enqueue what that makes due."""
    ledger.join_chord(task_id, chord_id, dumps([[], {}, {"chord": chord}]))
    enqueue_bodies(ledger, ledger.count_chords([chord_id]))


def _group_index(headers: str) -> int:
    # A message that nobody could read was discarded for it; its place among the others matters no more.
    with suppress(*UNREADABLE):
        return json.loads(headers).get("group_index") or 0
    return 0


def _embedded_chord(bodies: Iterable[str]) -> dict[str, Any]:
    """Return the chord that travels in each body of its header, from the first one that can be read."""
    for body in bodies:
        with suppress(*UNREADABLE):
            _, _, embedded = json.loads(body)
            chord: dict[str, Any] = embedded["chord"]
            return chord
    raise ValueError("no job of the header can be read")

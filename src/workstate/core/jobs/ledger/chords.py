"""The ledger's counters of chords: how many header jobs there are, and how many have ended."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from workstate.core.jobs.ledger.database import LedgerDatabase
from workstate.core.jobs.records import FinishedChord

if TYPE_CHECKING:
    from collections.abc import Iterable


class ChordCounters(LedgerDatabase):
    """Counts in the transaction that closes the header's jobs, so each job counts once."""

    def size_chord(self, chord_id: str, size: int) -> bool:
        """Note how many header jobs a chord has; True when all of them ended before it was known."""
        self.execute(
            "INSERT INTO workstate_chord (chord_id, size, completed, created_at) VALUES (%s, %s, 0, %s)"
            " ON CONFLICT (chord_id) DO UPDATE SET size = excluded.size",
            [chord_id, size, self.now()],
        )
        return self._fire_chord(chord_id)

    def join_chord(self, task_id: str, chord_id: str, body: str) -> None:
        """Note that a job which ended unrun belongs to a chord's header, so that the body hears of its failure.

        `body` is a message body with the chord's signature embedded, as JSON.
        """
        self.execute("UPDATE workstate_job SET chord_id = %s, body = %s WHERE task_id = %s", [chord_id, body, task_id])

    def task_and_chord_of(self, job_id: int) -> tuple[str, str | None]:
        """Return the name of a job's task, and the chord whose header it belongs to, when its message can't tell."""
        [(task, chord_id)] = self.query("SELECT task, chord_id FROM workstate_job WHERE id = %s", [job_id])
        return task, chord_id

    def save_group(self, group_id: str, members: str) -> None:
        """Keep the results of a group under its id."""
        self.execute(
            "INSERT INTO workstate_chord (chord_id, completed, members, created_at) VALUES (%s, 0, %s, %s)"
            " ON CONFLICT (chord_id) DO UPDATE SET members = excluded.members",
            [group_id, members, self.now()],
        )

    def grow_chord(self, chord_id: str) -> None:
        """Make room for one more header job."""
        self.execute("UPDATE workstate_chord SET size = size + 1 WHERE chord_id = %s", [chord_id])

    def count_chords(self, chord_ids: Iterable[str | None]) -> list[FinishedChord]:
        """Count ended header jobs, each by the chord it belongs to; returns the chords whose last job this was."""
        parts = Counter(chord_id for chord_id in chord_ids if chord_id)
        return [chord for chord_id, count in sorted(parts.items()) if (chord := self.count_chord(chord_id, count))]

    def count_chord(self, chord_id: str, count: int) -> FinishedChord | None:
        """Count ended header jobs; returns the chord when these were the last."""
        self.execute(
            "INSERT INTO workstate_chord (chord_id, completed, created_at) VALUES (%s, %s, %s)"
            " ON CONFLICT (chord_id) DO UPDATE SET completed = workstate_chord.completed + excluded.completed",
            [chord_id, count, self.now()],
        )
        return FinishedChord(chord_id) if self._fire_chord(chord_id) else None

    def _fire_chord(self, chord_id: str) -> bool:
        return bool(
            self.execute(
                "UPDATE workstate_chord SET fired_at = %s"
                " WHERE chord_id = %s AND fired_at IS NULL AND completed >= size",
                [self.now(), chord_id],
            )
        )

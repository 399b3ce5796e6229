"""The states of an external call, and what may be declared for the one that nobody knows the end of.

planned ──send──▶ sent ──answer──▶ answered ──apply──▶ applied
   ▲               │ ├──refused──────┴───────────────▶ failed
   └──repeated─────┴─┴──▶ ambiguous ──resolved──▶ planned, answered, applied, failed
"""

from __future__ import annotations

from django.db import models


class CallState(models.TextChoices):
    """Where an external call stands; the value is what the database stores."""

    PLANNED = "planned"
    SENT = "sent"
    ANSWERED = "answered"
    APPLIED = "applied"
    FAILED = "failed"
    AMBIGUOUS = "ambiguous"


class OnAmbiguous(models.TextChoices):
    """What happens to a call that may have happened: its process died, or no answer came."""

    NEVER_REPEAT = "never_repeat"
    """It counts as made, and is never sent again: once at most."""
    REPEAT = "repeat"
    """It is sent again, for the other side knows the key or does not mind: once at least."""
    ASK = "ask"
    """It waits until somebody says what became of it."""


ENDED = frozenset({CallState.APPLIED, CallState.FAILED})

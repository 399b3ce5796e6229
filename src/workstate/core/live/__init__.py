"""Live events: what happened, told to every open page in order, and nothing missed without saying so.

An event is a row, written by `publish()` in the transaction that made it happen, so it exists if
and only if that transaction committed. Its offset is gapless within its stream. A page embeds the
`position()` that it was rendered at, its socket goes on from there, and the answer is either every
event since or `recovered: false`: then the page fetches what it shows again. Never half a replay.

Streams are `user:<id>`, `organisation:<id>`, `job:<task_id>` and `operations`. Who may follow one is
asked of the functions that apps gave to `authorise()`; nobody may follow a stream of a kind that no
app answers for. A person may follow their own, a superuser the operations and every job.

How it travels: a commit wakes each process's `Hub` (through `workstate.core.wakeup` and `hints`, only a hint),
the hub reads what is new once for all its followers and hands it out in memory. Redis, `NOTIFY` and
`data_version` carry no event. A client is reached by WebSocket (`sockets`) or by server-sent events
(`event_streams`); what both have in common is a `Connection`, and all of a process are in its `lobby`.

When things fail: a hint is lost, the hub looks within a second by itself; the database is away, the
hub says so once, keeps its sockets and goes on where it was; a client is slow, its queue is dropped
and it is told to reload; a process ends, it sends its clients away, who connect elsewhere and go on from
their positions; history was pruned, the client is told to reload.

A publisher holds its stream's row until it commits: publish late in a transaction, and in one fixed
order when it is to several streams.
"""

from __future__ import annotations

from workstate.core.live.authorisation import authorise
from workstate.core.live.publishing import list_followed, publish, send
from workstate.core.live.reading import position, read_since
from workstate.core.live.sessions import end_session, report_rights_changed

__all__ = [
    "authorise",
    "end_session",
    "list_followed",
    "position",
    "publish",
    "read_since",
    "report_rights_changed",
    "send",
]

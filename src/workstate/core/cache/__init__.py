"""A cache that survives Redis: Redis while it is there, the database while it is away, the same API in both.

    CACHES = {"default": {"BACKEND": "workstate.core.cache.WorkstateCache", "LOCATION": "redis://…/2"}}

A row for each cache, its **regime**, says which **tier** carries it (`redis` or `database`) and under which **epoch**.
Every key begins with the epoch, so to move the epoch is to forget everything at once, in both tiers.

    redis ──a call of any process fails──▶ database ──Redis answers all who look, for 3 s──▶ redis
                   new epoch                                   new epoch

- `backend`: Django's contract. `codec`: values to bytes and back; never pickle.
- `regimes`: the row. `gate`: what this process knows of it, when it looks, and how it is moved.
- `base`: what a tier does; `redis_tier`, `database_tier`, and `front`, a second's memory before the latter.
- `link`: one Redis as this process sees it: its breaker, its connections, and the thread that probes.
- `functions`: `@cached` and invalidation on commit. `generations`: prefixes that are forgotten in one step.
- `fills`: what is missing is computed once; `promises` say by whom, `cells` where.
- `patterns`: `*` and `?` in the words of each tier.

The rule that everything rests on: **write, then look at the row; if it has moved, write again.** Whoever writes a new
value or deletes one has done so under the regime that held afterwards. What others fill later, under a later regime,
they read after that. Readers look once a second; in strict mode each time.

When things fail:

- Redis refuses, is silent, or dies in the middle: the first call learns it within 0.4 s, moves the row to
  `database`, and goes on there. No other call of the process touches a socket until a probe was answered.
- Only some processes can't reach it: they move the row; all follow within a second (strict: at once). While a
  probe of anybody fails it counts in the row, and nobody moves it back.
- Redis comes back, with whatever it knows: the epoch moves before the breaker closes. What is in there is not found.
- Redis is restarted and nobody noticed: each new connection asks who answers. A run id that is not the row's moves
  the epoch before the connection is used.
- A process dies: nothing is remembered in it that others need.
- The database is away, or refuses a write: reads miss, writes are dropped, told by one line in the log. Before it
  serves anything again the process moves the epoch, because what it could not replace is still there.
- The transaction in which the row was moved is rolled back: the process knows that it is not certain, moves it again.
- A fork: links and gates belong to a process; a child makes its own.
"""

from __future__ import annotations

from workstate.core.cache.backend import WorkstateCache
from workstate.core.cache.functions import cached, invalidate_key, invalidate_pattern, invalidate_prefix

__all__ = ["WorkstateCache", "cached", "invalidate_key", "invalidate_pattern", "invalidate_prefix"]

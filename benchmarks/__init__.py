"""Workstate's benchmarks: its peers beside it, in one run, on one machine.

    make bench                                     every measure, every system
    python -m benchmarks drain latency             two measures
    python -m benchmarks --systems celery_redis workstate_sqlite
    python -m benchmarks --quick                   tiny sizes: shows that all of it works, its figures mean nothing

A *system* is one way to run background work: `systems/base.py` is the contract, its siblings
are Workstate and its peers. A *measure* is one question: `measures/base.py` is the contract.
Each sample runs in a fresh process with fresh services (`sample.py`), and repetitions are
interleaved (A B C A B C), so that neither a leftover nor a slow minute of the machine
favours anyone. Ratios are formed within a repetition; the report shows their median.

How it is kept fair:

- Every system runs the same task body (`work.py`): one INCR in a Redis that belongs to the
  benchmark, never to the system's own bookkeeping. Completion is read from that counter.
- Two execution slots for each system where it has slots, logging at WARNING for all, and otherwise the
  settings that the system ships with. Each says in its `notes` where it had to differ.
- Redis writes nothing to disk, which favours those who keep their queue in it.
- A run of Workstate is void unless every job ends as a completed row with its result.
- Nothing here asserts a time. What misses its budget is printed as missed.
"""

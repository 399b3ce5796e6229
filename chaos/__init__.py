"""The fault suite: many real processes at work while seeded faults strike, and every job counted afterwards.

`make chaos` runs it. A run is a pipeline:

1. a `lane` starts servers of its own (or a SQLite file) and gives the address of the ledger;
2. the `cast` (producers, workers, schedulers: real processes) is started and kept at strength;
3. the `plan`, which follows from the seed alone, says which fault strikes when so many jobs are done;
4. after the last fault everything is healed and the ledger has time to come to rest;
5. `invariants` compares the ledger with the journals that producers and tasks wrote beside it.

`project` is the Django project under test. Its journals are files, one write for each line, because what a process
has written survives its `kill -9`: they are what the ledger is held against.
"""

"""Power loss without pulling the plug: what a process wrote is recorded and replayed up to any moment.

`recording` runs a process under strace and reads what it wrote, truncated and synced, and what it told in between.
`disk` makes the files that a machine would find after losing power at a moment: what was synced is there, and of what
was written since then each piece is there, is not, or is torn. `work` is a process that enqueues and closes jobs.

What this can't show: a disk that lies about what it has synced, and a file system that loses names.
"""

"""Keeps web, worker and scheduler alive as children of one small process.

A child that ends is started again, later and later while it keeps failing. Everything
ends together:

- The supervisor is told to stop: it asks each child to end, insists, and after
  `STOP_SECONDS` kills what is left of their process groups.
- The supervisor itself is killed: each child holds the other end of a pipe, sees it close
  and kills its own process group (`lifeline`), pool processes included.
- A child is killed: what is left of its process group goes before a new one starts.

The supervisor never imports Django; what needs it runs in a child that ends.
"""

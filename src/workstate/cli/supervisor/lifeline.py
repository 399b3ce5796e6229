"""Runs a module as a program that dies with its supervisor: `python -m … MODULE [ARGUMENTS]`.

Standard input is a pipe whose other end only the supervisor holds. When the supervisor ends,
however it ends, the pipe closes and the whole process group is killed. The parent-death
signal of Linux would reach the child alone, not the pool processes that it forked.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading


def main() -> None:
    """Become the named module, tied to the supervisor."""
    threading.Thread(target=_die_with_supervisor, name="lifeline", daemon=True).start()
    _, module, *arguments = sys.argv
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _die_with_supervisor() -> None:
    os.read(0, 1)  # nothing is ever written: it returns when the pipe closes
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    main()

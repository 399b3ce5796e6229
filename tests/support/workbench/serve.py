"""The client process of a deployment: `python -m workbench.serve <file descriptor>` serves `project.shell`."""

from __future__ import annotations

import sys
from multiprocessing.connection import Connection

import django

from workbench.remote import serve

if __name__ == "__main__":
    django.setup()
    import project.shell

    serve(Connection(int(sys.argv[1])), project.shell)

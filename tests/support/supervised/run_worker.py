"""Supervises the product's own worker, which also knows the tasks of `naps`, on $WORKSTATE_DATA."""

from __future__ import annotations

import dataclasses
import os
import sys

from workstate.cli.supervisor import programs
from workstate.cli.supervisor.loop import Supervisor
from workstate.cli.supervisor.output import Output

worker = programs.worker(2)
Supervisor(
    [dataclasses.replace(worker, command=(*worker.command, "--include", "supervised.naps"))],
    environment=os.environ,
    output=Output([worker.name], sys.stdout),
    is_ready=lambda: True,
    announce=lambda: None,
).run()

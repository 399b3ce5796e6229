"""Supervises the named modules, ready at once: `python -m supervised.run NAME=MODULE …`."""

from __future__ import annotations

import os
import sys

from workstate.cli.supervisor.loop import Supervisor
from workstate.cli.supervisor.output import Output
from workstate.cli.supervisor.programs import module_program


def main() -> None:
    named_modules = [argument.split("=") for argument in sys.argv[1:]]
    output = Output([name for name, _ in named_modules], sys.stdout)
    Supervisor(
        [module_program(name, module) for name, module in named_modules],
        environment=os.environ,
        output=output,
        is_ready=lambda: True,
        announce=lambda: output.say("ready"),
    ).run()


main()

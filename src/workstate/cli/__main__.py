"""`python -m workstate.cli`: the same as the `workstate` command."""

import sys

from workstate.cli import main

sys.exit(main())

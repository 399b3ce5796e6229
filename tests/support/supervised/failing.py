"""Ends at once, with exit code 3 and a last line without a line break."""

import sys

sys.stdout.write("cannot")
sys.exit(3)

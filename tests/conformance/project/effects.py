"""What a task does to the world, where a test can see it: lines in a file, and gates to wait at."""

import json
import os
import time
from pathlib import Path


def record(name, **details):
    """Append one line to the file of effects, in one write, so that processes do not mix theirs."""
    line = json.dumps({"name": name, "pid": os.getpid(), "at": time.time(), **details}) + "\n"
    descriptor = os.open(os.environ["EFFECTS_FILE"], os.O_WRONLY | os.O_APPEND)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


def count(name):
    """How often the name was recorded so far."""
    lines = Path(os.environ["EFFECTS_FILE"]).read_text().splitlines()
    return sum(json.loads(line)["name"] == name for line in lines)


def wait_at_gate(name):
    """Wait until the test opens the gate."""
    gate = Path(os.environ["GATES"]) / f"{name}.gate"
    while not gate.exists():
        time.sleep(0.01)

"""Forks twice, as a pool does, and waits; the children ignore requests to end and hold nothing of the supervisor."""

import os
import signal

for _ in range(2):
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.write(1, f"pid {os.getpid()}\n".encode())
        signal.pause()
os.write(1, f"parent {os.getpid()}\n".encode())
signal.pause()

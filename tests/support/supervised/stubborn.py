"""Ignores every request to end."""

import os
import signal

signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.write(1, f"pid {os.getpid()}\n".encode())
while True:
    signal.pause()

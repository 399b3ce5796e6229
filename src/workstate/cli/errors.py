"""What keeps a command from running."""

from __future__ import annotations


class CommandError(Exception):
    """The command cannot run; the message says why and what to do, in one line."""


class PortTakenError(CommandError):
    """Another program listens where the web should."""

    def __init__(self, host: str, port: int, free_port: int) -> None:
        self.port = port
        super().__init__(
            f"Port {port} on {host} is taken by another program: "
            f"stop it, or choose another port, such as --port {free_port}."
        )


class AddressRefusedError(CommandError):
    """The operating system does not let us listen there."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(f"Cannot listen on {host} port {port} ({reason}): choose others with --host and --port.")


class DataDirectoryError(CommandError):
    """The data directory cannot be made or written to."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(
            f"Cannot write to the data directory {path} ({reason}): make it writable, or choose another with --data DIR."
        )


class AlreadyRunningError(CommandError):
    """Another supervisor runs on this data directory."""

    def __init__(self, path: str, holder: str) -> None:
        super().__init__(
            f"Workstate already runs on {path} ({holder}): stop it first, or choose another directory with --data DIR."
        )


class PreparationError(CommandError):
    """The database or the first data could not be made ready."""

"""Hosts of one's own on this machine: network namespaces on a bridge, each with a host name, each can be cut off."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMED = 'echo "$0" > /proc/sys/kernel/hostname && exec "$@"'


class HostsUnavailableError(Exception):
    """Network namespaces can't be made here; the message says why."""


class Host:
    """A network namespace that a veth pair ties to the bridge."""

    def __init__(self, name: str, network: str, link: str) -> None:
        self.name = name
        self._namespace = f"{network}-{name}"
        self._link = link

    @property
    def prefix(self) -> tuple[str, ...]:
        """What stands before a command to run it on this host, with a host name that others can tell apart."""
        return ("ip", "netns", "exec", self._namespace, "unshare", "--uts", "sh", "-c", NAMED, self.name)

    def cut_off(self) -> None:
        """Take the host off the network: nothing arrives, nothing is refused."""
        _run("ip", "link", "set", self._link, "down")

    def heal(self) -> None:
        """Put the host back on the network."""
        _run("ip", "link", "set", self._link, "up")

    @contextmanager
    def _running(self, bridge: str, address: str) -> Iterator[Host]:
        inside = ("ip", "-n", self._namespace)
        with ExitStack() as exits:
            _run("ip", "netns", "add", self._namespace)
            exits.callback(_run, "ip", "netns", "delete", self._namespace)
            _run("ip", "link", "add", self._link, "type", "veth", "peer", "name", "eth0", "netns", self._namespace)
            # A namespace that still has sockets takes its pair with it later, when the next test needs the name.
            exits.callback(_run, "ip", "link", "delete", self._link)
            _run("ip", "link", "set", self._link, "master", bridge, "up")
            _run(*inside, "address", "add", address, "dev", "eth0")
            _run(*inside, "link", "set", "eth0", "up")
            _run(*inside, "link", "set", "lo", "up")
            yield self


@contextmanager
def network_of(count: int) -> Iterator[tuple[str, list[Host]]]:
    """Give this machine's address on a bridge of its own, and so many hosts on it; remove all of it afterwards."""
    if os.geteuid() != 0:
        raise HostsUnavailableError("Network namespaces need root.")
    for program in ("ip", "unshare"):
        if shutil.which(program) is None:
            raise HostsUnavailableError(f"{program} is not installed.")
    network = f"ws{os.getpid() % 100_000}"
    subnet = f"10.{200 + os.getpid() % 50}.{os.getpid() // 50 % 256}"
    with ExitStack() as exits:
        _run("ip", "link", "add", network, "type", "bridge")
        exits.callback(_run, "ip", "link", "delete", network)
        _run("ip", "address", "add", f"{subnet}.1/24", "dev", network)
        _run("ip", "link", "set", network, "up")
        hosts = [Host(f"host{number}", network, f"{network}h{number}") for number in range(1, count + 1)]
        for number, host in enumerate(hosts, 2):
            exits.enter_context(host._running(network, f"{subnet}.{number}/24"))
        yield f"{subnet}.1", hosts


def _run(*command: str) -> None:
    completed = subprocess.run(command, capture_output=True, text=True, check=False)
    if completed.returncode:
        raise HostsUnavailableError(f"{' '.join(command)}: {completed.stderr.strip()}")

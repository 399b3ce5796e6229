"""RabbitMQ with a node of a run's own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from amqp import Connection
from amqp.exceptions import AMQPError

from chaos.servers.base import Server, ServerMissingError
from workbench.lanes import free_port

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
ANSWER_SECONDS = 2


class RabbitMQServer(Server):
    """RabbitMQ; its queues and messages survive it."""

    def url(self, port: int | None = None) -> str:
        """Return its address, on its own port or on that of a proxy."""
        return f"amqp://guest:guest@127.0.0.1:{port or self.port}//"

    def command(self) -> Sequence[str]:
        """Return what starts it."""
        if not PROGRAM.exists():
            raise ServerMissingError(f"RabbitMQ is not installed: there is no {PROGRAM}.")
        return [str(PROGRAM)]

    def environment(self) -> Mapping[str, str]:
        """Return where the node keeps everything, and its ports."""
        self._distribution_port = getattr(self, "_distribution_port", 0) or free_port()
        directory = str(self.directory)
        return os.environ | {
            "HOME": directory,
            "RABBITMQ_NODENAME": f"chaos{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_BASE": directory,
            "RABBITMQ_MNESIA_BASE": f"{directory}/mnesia",
            "RABBITMQ_LOG_BASE": directory,
            "RABBITMQ_PID_FILE": f"{directory}/pid",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{directory}/plugins",
            "RABBITMQ_CONFIG_FILE": f"{directory}/rabbitmq",
            "RABBITMQ_CONF_ENV_FILE": f"{directory}/environment",
        }

    def answers(self) -> bool:
        """Tell whether it lets us in."""
        try:
            with Connection(f"127.0.0.1:{self.port}", connect_timeout=ANSWER_SECONDS, read_timeout=ANSWER_SECONDS):
                return True
        except (OSError, AMQPError):
            return False

"""Servers of a run's own, on free ports, that may be killed; `base` is what they have in common."""

from chaos.servers.base import Server, ServerMissingError
from chaos.servers.postgresql import PostgreSQLServer
from chaos.servers.rabbitmq import RabbitMQServer
from chaos.servers.redis import RedisServer

__all__ = ["PostgreSQLServer", "RabbitMQServer", "RedisServer", "Server", "ServerMissingError"]

"""Workstate: time tracking, tickets and durable background work for service teams."""

from importlib.metadata import version

__version__ = version("workstate")

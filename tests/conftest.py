"""Fixtures that several kinds of tests share live in plugins under `support/`."""

pytest_plugins = ["real_databases", "workbench.plugin"]

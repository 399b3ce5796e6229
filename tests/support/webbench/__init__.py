"""A real web server on a data directory of its own, people to use it, and what every page must hold.

The fixtures stand in `tests/e2e/conftest.py`.
"""

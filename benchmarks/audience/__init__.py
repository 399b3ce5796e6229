"""Live events, timed: servers of them, and an audience of many connections."""

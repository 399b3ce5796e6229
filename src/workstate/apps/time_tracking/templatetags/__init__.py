"""Template tags of time tracking."""

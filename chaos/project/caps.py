"""How often a job of this project may be tried."""

MAX_RETRIES = 6
MAX_LOST_ATTEMPTS = 3
PLACES = {"limited": 2, "alone": 1}
"""How many jobs of one line may run at once, by task."""

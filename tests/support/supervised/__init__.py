"""Programs to put under a supervisor, and the script that does: `python -m supervised.run NAME=MODULE …`."""

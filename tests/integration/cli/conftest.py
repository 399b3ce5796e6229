from engine.fixtures import ledger, nothing_left_behind

__all__ = ["ledger", "nothing_left_behind"]

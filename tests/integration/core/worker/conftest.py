from engine.fixtures import app, connect, ledger, nothing_left_behind, worker

__all__ = ["app", "connect", "ledger", "nothing_left_behind", "worker"]

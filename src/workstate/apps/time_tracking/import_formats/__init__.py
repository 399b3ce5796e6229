"""Reads the files that other time trackers export: one module for each layout behind the contract in `base`.

    bytes ──encoding──▶ text ──table──▶ rows of cells ──layout──▶ ImportedRow

Nothing is held but the row in hand, so a file may be larger than memory. What is wrong
with the whole file raises UnreadableFileError; what is wrong with one row raises
UnreadableRowError for that row, and reading goes on.
"""

"""Pages of time tracking: parse, authorise, call one service or selector, render."""

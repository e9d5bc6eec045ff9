"""Sweeps under way: draws become planned steps, their metrics become verdicts, the best becomes the result."""

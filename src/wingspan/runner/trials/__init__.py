"""Sweeps under way: draws become steps, metrics verdicts, and the best trial the result."""

"""Simulate a pool with known causes, as event logs and files with the truth.

The arrow: parameters + seed -> event log + truth. `write` makes the text of events, `pool` the days.
"""

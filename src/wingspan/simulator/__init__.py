"""A pool with known causes: what happens in it goes to an event log, why it happens to a file beside it.

The arrow: parameters + seed -> event log + truth. `write` makes the text of events, `pool` the days.
"""

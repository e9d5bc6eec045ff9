"""From bytes of a job event log to columns, histories and causes.

The arrow: log -> events -> histories. `codes` holds the numbers and their names, `rules` what a
hold means and what to do about it.
"""

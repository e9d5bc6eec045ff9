<<<<<<< HEAD
"""From bytes of a job event log to columns, histories and causes.

The arrow: log -> events -> histories. `codes` holds the numbers and their names, `rules` what a
hold means and what to do about it.
"""
=======
"""HTCondor's job event logs: read into columns, followed through rotation, grouped by job."""
>>>>>>> 1fd7ae5 (Read event logs with a compiled scanner: classic, XML and JSON, damage located, local times turned)

"""Follow a DAG.

log.py reads new events, state.py says what they mean, follower.py brings results in and records.
"""

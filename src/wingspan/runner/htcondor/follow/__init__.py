"""Follow a DAG: log.py reads what is new, state.py says what it means, follower.py brings results in and records."""

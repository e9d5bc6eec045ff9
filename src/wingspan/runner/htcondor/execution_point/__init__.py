"""Run a node on the execution point: arrive.py, then run.py, then hand_over.py."""

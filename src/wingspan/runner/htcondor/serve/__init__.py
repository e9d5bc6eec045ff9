"""Search for sweeps while DAGMan runs: service.py reads what jobs say, sweep.py answers."""

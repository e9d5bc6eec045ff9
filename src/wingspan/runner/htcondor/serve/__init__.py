"""The search of sweeps, beside DAGMan: service.py reads what jobs say, sweep.py answers."""

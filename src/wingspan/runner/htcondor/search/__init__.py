"""Run sweeps on the access point.

drawn.py acts before they are submitted, intake.py reads what lanes sent, select.py takes the best trial at the end.
"""

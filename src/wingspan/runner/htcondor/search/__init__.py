"""Sweeps on the access point: drawn.py before they are submitted, intake.py what lanes sent, select.py the best at the end."""

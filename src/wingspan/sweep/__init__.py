"""Search for the parameters of a step.

Spaces, searches, pruning rules and the study's journal. Nothing here runs a trial.
"""

"""Carry out plans: the same job on this machine and on a pool."""

"""Carry out a plan on this machine: what fits, warm processes, and what they hold."""

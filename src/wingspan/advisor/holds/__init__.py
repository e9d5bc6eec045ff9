"""Derive hold episodes from event logs, and the moments at which advice is given."""

"""Placeholder."""

print("not yet")

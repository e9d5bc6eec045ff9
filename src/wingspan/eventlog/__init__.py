"""Read job event logs into columns, and derive job histories and causes of holds.

`codes` holds the numbers and their names, `rules` what a hold means and what to do about it.
"""

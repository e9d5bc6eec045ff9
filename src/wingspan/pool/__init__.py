"""Run real HTCondor daemons in a private folder.

They are installed without root, and started and stopped as one personal pool.
"""

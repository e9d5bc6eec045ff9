"""Plan -> runner -> run: the same job on this machine and on a pool."""

"""How a job's process is started, and its exit codes."""

FIXED_HASHES = {"PYTHONHASHSEED": "0"}  # so that a set of texts has one order in every job
BROKEN = 70  # exit code of a job whose function could not be called, or raised (EX_SOFTWARE)
PRUNED = "pruned"  # status of a call that has seen that it is to stop: it has no result
NO_SPACE = 74  # exit code of a job that could not write its result (EX_IOERR)

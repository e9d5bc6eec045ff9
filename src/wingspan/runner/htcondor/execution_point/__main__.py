"""Run a node in the sandbox: ``python -m wingspan.runner.htcondor.execution_point NODE``."""

import gc
import sys

gc.disable()  # imports make no garbage, and looking for it takes a twentieth of their time

from wingspan.runner.htcondor.execution_point.run import main

if __name__ == "__main__":
    gc.enable()
    main(sys.argv[1:])

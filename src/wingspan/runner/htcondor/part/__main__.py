"""Run the part of a node: ``python -m wingspan.runner.htcondor.part NODE``, in the sandbox."""

import sys

from wingspan.runner.htcondor.part.run import main

if __name__ == "__main__":
    main(sys.argv[1:])

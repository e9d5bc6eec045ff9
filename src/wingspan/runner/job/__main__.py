"""Run the job of a folder: ``python -m wingspan.runner.job FOLDER``."""

from wingspan.runner.job.run import main

if __name__ == "__main__":
    main()

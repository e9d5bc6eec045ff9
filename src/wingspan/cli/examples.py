"""An example of every command, which its ``--help`` ends with."""

from typing import Final

import typer

EXAMPLES: Final = {
    "run": "run loans.py:weekly --set rows=1000 --on htcondor",
    "resume": "resume last",
    "stop": "stop last",
    "collect": "collect exported",
    "plan": "plan loans.py fit",
    "exec": "exec --cpus 2 --memory 4GB --output model.bin -- python train.py data.csv",
    "show": "show split.train --out train.csv",
    "logs": "logs 'fit[tree]' --run last",
    "status": "status last --svg run.svg",
    "report": "report last --open",
    "watch": "watch last",
    "simulate": "simulate ospool --out pool.log --truth truth.jsonl --days 10",
    "train": "train loans.csv --target paid --name loan",
    "predict": "predict new.csv --model loan --out predictions.csv",
    "check": "check loans.py --on htcondor",
    "why": "why 12.0",
    "dag show": "dag show workflow.dag --svg workflow.svg",
    "events summary": "events summary job.log --rows 5",
    "events jobs": "events jobs job.log --state held",
    "events show": "events show 12.0 job.log",
    "events convert": "events convert job.log -o events.parquet",
    "events follow": "events follow job.log --state position.json",
    "holds explain": "holds explain 12/2",
    "holds advise": "holds advise job.log --only 1",
    "holds watch": "holds watch EventLog --state seen.json",
    "holds actions": "holds actions 12.0",
    "holds undo": "holds undo a1b2c3-2",
    "holds hook": "holds hook held.txt '$JOBID' '$NODE'",
    "holds train": "holds train logs --out advisor",
    "holds evaluate": "holds evaluate logs --model advisor",
    "holds sweep": "holds sweep config.yaml logs --out advisor",
    "models list": "models list",
    "models show": "models show loan@3 --svg curves.svg",
    "models compare": "models compare loan@2 loan@3 --data labelled.csv",
    "models export": "models export loan --out scoring",
    "models deploy": "models deploy ../other/models/loan/3 loan",
    "models rollback": "models rollback loan",
    "pool install": "pool install",
    "pool start": "pool start --cpus 4 --memory 8GB",
    "pool stop": "pool stop",
    "pool status": "pool status",
    "pool run": "pool run condor_q -nobatch",
    "store gc": "store gc --older-than 30d --dry-run",
    "store check": "store check",
    "runs": "runs --pipeline loans",
    "runs diff": "runs diff 20261129-180017 last",
    "sweep run": "sweep run sweep.yaml --trials 24 --parallel 4",
    "sweep show": "sweep show last --csv",
    "sweep end": "sweep end last",
    "track sync": "track sync last --track tensorboard",
    "track check": "track check last",
}


def add_examples(app: typer.Typer, group: str = "") -> None:
    """End the help of each command with its example.

    Raises
    ------
    KeyError
        A command has no example.
    """
    for command in app.registered_commands:
        name = command.name or str(getattr(command.callback, "__name__", ""))
        command.epilog = _text(f"{group}{name.replace('_', '-')}")
    for inner in app.registered_groups:
        if inner.typer_instance is not None:
            add_examples(inner.typer_instance, f"{group}{inner.name} ")
            if f"{group}{inner.name}" in EXAMPLES:
                inner.epilog = _text(f"{group}{inner.name}")


def _text(name: str) -> str:
    return f"Example: wingspan {EXAMPLES[name]}"

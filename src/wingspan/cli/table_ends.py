"""After training: show the models, deploy the best unless it is not good enough, predict."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import typer

from wingspan.cli.json_output import print_json
from wingspan.cli.model_table import print_comparison, print_evaluations, print_gains, write_out
from wingspan.cli.paper import wrap
from wingspan.cli.runs import check_file, check_folder

if TYPE_CHECKING:
    from wingspan.recipes.training import Training
    from wingspan.runner.run import Run
    from wingspan.tabular.contest import Standing
    from wingspan.tabular.deploy import Deployed


@dataclass(frozen=True, slots=True)
class Ends:
    """What to do with the best model: the name to deploy it under, if any, and rows to predict."""

    models: Path
    name: str | None
    new_rows: Path | None
    out: Path | None
    anyway: bool = False
    interval: float | None = None
    replace: bool = False

    def checked(self) -> Self:
        """Refuse outputs that cannot be written, before anything is computed."""
        from wingspan.errors import SettingError

        if (self.new_rows is None) != (self.out is None):
            raise SettingError(
                "wingspan train", "--predict and --out belong together", "give both or neither"
            )
        if self.interval is not None and self.new_rows is None:
            problem = "it is the interval of predictions, and there is nothing to predict"
            fix = "give --predict NEW_ROWS --out FILE, or give it to wingspan predict"
            raise SettingError("--interval", problem, fix)
        check_out(self.out)
        if self.name is not None:
            from wingspan.tabular.given import check_model_name

            check_model_name(self.name)
            check_folder("--models", self.models)
        return self


def finish(run: "Run", what: "Training", ends: Ends, failed: list[str], *, as_json: bool) -> None:
    """Deploy the best model, write the predictions, and print the results."""
    from wingspan.recipes.table_training import BASELINE
    from wingspan.tabular.deploy import deploy

    survey, baseline = run["survey"]
    compared = {label: run[f"evaluate[{label}]"] for label in what.labels} | {BASELINE: baseline}
    best, folder = run["choose_best"]
    tested, curve = run.get("test"), run.get("learning_curve")
    rival = _rival(run, what, ends, folder, best.metrics[0])
    against = [*(f"{label} failed" for label in failed), *map(str, survey.against)]
    if rival is not None and rival.keeps:
        better = f"the deployed model {rival.reference} is better by {rival.metric}"
        against.append(f"{better} -> to replace it anyway: --replace")
    deployed = None
    if ends.name is not None and (ends.anyway or not against):
        deployed = deploy(folder, ends.models, ends.name)
    if ends.out is not None:
        write_out(run["predict"].path, ends.out)
    if as_json:
        facts = {
            "run": run.run_id,
            "task": what.guess[0],
            "evaluations": {label: one.as_json() for label, one in compared.items()},
            "test": tested and tested.as_json(),
            "gains": {label: asdict(one) for label, one in (run.get("gains") or {}).items()},
            "learning_curve": curve and asdict(curve),
            "best": best.best,
            "ties": best.ties,
            "failed": failed,
            "survey": survey.as_json(),
            "not_deployed": against if deployed is None else [],
        }
        print_json(facts | _deployment(deployed, rival))
    else:
        print_comparison(compared, best, tested, BASELINE)
        print_gains(run)
        if rival is not None:
            print("\non the test rows that neither model was fitted on:")
            print_evaluations({rival.reference: rival.old, "new": rival.new}, "", [])
        _print_ends(deployed, ends, failed, against)
    if failed:
        raise typer.Exit(1)


def _deployment(deployed: "Deployed | None", rival: "Standing | None") -> dict[str, Any]:
    """Return the facts of the deployment, and of the model deployed before, for a program."""
    made = deployed and {"model": deployed.reference, "folder": str(deployed.folder)}
    before = rival and {
        "model": rival.reference,
        "old": rival.old.as_json(),
        "new": rival.new.as_json(),
    }
    return {"deployed": made, "compared_with": before}


def _rival(
    run: "Run", what: "Training", ends: Ends, folder: Path, metric: str
) -> "Standing | None":
    """Compare the new model with the one it would replace; return None without such a model."""
    if ends.name is None or ends.replace or not (ends.models / ends.name / "current").is_file():
        return None
    from wingspan.tabular.contest import rival_of, standing

    rival = rival_of(ends.models, ends.name, folder)
    if rival is None:
        return None
    return standing(rival, folder, run["read"], what.split, metric)


def _print_ends(
    deployed: "Deployed | None", ends: Ends, failed: list[str], against: list[str]
) -> None:
    """Print whether and where the best model was deployed."""
    if failed:
        print(f"failed: {', '.join(failed)}; see `wingspan logs 'fit[{failed[0]}]'`")
    if deployed is not None:
        print(f"deployed {deployed.reference}: {deployed.folder}")
        print(f"predict:  wingspan predict NEW_ROWS --model {deployed.name} --out predictions.csv")
    elif ends.name is not None:
        print("not deployed:")
        print("\n".join(wrap(f"  {each}", "    ") for each in against))
        if not all("--replace" in each for each in against):
            print("to deploy it anyway, run the command again with --deploy-anyway")
    if ends.out is not None:
        print(f"predicted {ends.new_rows}: {ends.out}")


def check_out(out: Path | None) -> None:
    """Refuse a file that predictions cannot be written to, before anything is computed."""
    from wingspan.errors import SettingError

    if out is None:
        return
    if out.suffix not in {".csv", ".parquet"} or out.is_dir():
        found = "a folder" if out.is_dir() else repr(out.name)
        problem = f"expected the name of a .csv or .parquet file, found {found}"
        raise SettingError(f"--out {out}", problem, "for example --out predictions.csv")
    check_file("--out", out)

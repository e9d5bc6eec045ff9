"""Every code sample of README.md and docs/ runs, in the order of its page, on small data; what it says comes true.

A new sample is found by itself: a command must end well, Python must run, a table of TOML must be read.
What else a reader is promised stands in the tables below. A sample of no kind that is known fails.
"""

import ast
import dataclasses
import functools
import itertools
import json
import linecache
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from wingspan.cli.main import app
from wingspan.errors import WingspanError
from wingspan.eventlog.read import read_events
from wingspan.runner.htcondor.profile import find_profile
from wingspan.store.codec import encode
from wingspan.tabular.clean import Rules

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
OF_GUIDES = ("sh", "condor", "exports", "fstab", "definition")  # tests/test_guides.py checks these
PROGRAMS = ("wingspan ", "./run ", "pip ", "wandb ", "_WINGSPAN")
ON_A_POOL = re.compile(r"--on |--schedd|^pool |^why\b|^check ")
FORKS = (
    "run",
    "exec",
    "plan",
    "train",
    "predict",
    "resume",
    "collect",
    "sweep",
)  # have a process of their own, as `pool run` does

POOL = """
days = 1.0
workload = { jobs_per_day = 1500.0, image_update_s = 40000.0 }
log = { access_points = 1 }
"""
COMMANDS = {  # command -> words of what it prints; what stands in parentheses is given instead of it
    "plan loans.py": ["8 of 8 steps to run", "new step"],
    "run loans.py --set test_size=0.3": ["8 steps run, 0 up to date"],
    "watch": ["done"],
    "status": ["score[1.0]"],
    "status --json": ['"steps"'],
    "logs 'fit[1.0]'": [],
    "train loans.csv --target loan_status": ["loan_status/1"],
    "predict new_loans.csv --model loan_status --out predictions.csv --id id": ["predictions.csv"],
    "models list": ["loan@3", "current"],
    "models show loan@2": ["random_forest"],
    "models rollback loan": ["loan@"],
    "models deploy models/loan/3 loan --models /shared/models": (
        "models deploy models/loan/3 loan --models shared/models",
        ["shared/models/loan/1"],
    ),
    "run tune.py": ["12 of 12 trials, ", "best loss", "slope 3.0"],
    "run tune.py --set trials=15": ["15 of 15 trials, "],
    "sweep show": ["complete"],
    "run search.py": ["8 of 8 trials, ", "best accuracy"],
    "sweep show --pictures pictures": ["complete"],
    "run digits.py --track tensorboard": ["4 of 4 trials, "],
    "track check": ["its mirrors show all that was logged"],
    "track sync --track tensorboard": ["tensorboard --logdir"],
    "run search.py --track tensorboard": [],
    "sweep ./train.yaml --output result=result.json": ["6 of 6 trials, ", "best score"],
    "sweep show --csv": ["number,state,score"],
    "store gc [--older-than 30d] [--dry-run] [--json]": (
        "store gc --older-than 30d --dry-run --json",
        ['"results"'],
    ),
    "store check [--json]": ("store check --json", ["[]"]),
    "dag show FILE.dag": ("dag show workflow.dag", ["B"]),
    "dag show FILE.dag --svg picture.svg": (
        "dag show workflow.dag --svg picture.svg",
        ["picture.svg"],
    ),
    "dag show FILE.dag --json": ("dag show workflow.dag --json", ['"nodes"']),
    "events summary EventLog*": ["jobs", "holds"],
    "events summary logs/ --picture t.svg": ["t.svg"],
    "events jobs logs/ --state held": ["held"],
    "events show 12.0 EventLog": ("events show {first} EventLog", ["SUBMIT"]),
    "events convert EventLog -o events.parquet": ["events.parquet"],
    "holds explain 12/2": ["12/2"],
    "report": ["report-"],
    "report RUN --out page.html": ("report last --out page.html", ["page.html"]),
    "report RUN RUN": ("report last last", ["report-"]),
    "report job.log": ["report-job.log.html"],
    "holds explain TransferOutputError": ["12"],
    "holds advise job.log": ["->"],
    "holds advise EventLog* --all": ["->"],
    "simulate corpus --out pool.log --truth pool.truth.jsonl --seed 1": (
        "simulate pool.toml --out pool.log --truth pool.truth.jsonl --seed 1",
        ["jobs", "holds"],
    ),
    "simulate my_pool.toml --out pool.log --truth pool.truth.jsonl --days 30": (
        "simulate pool.toml --out pool.log --truth pool.truth.jsonl --days 0.5",
        ["jobs"],
    ),
}
POOL_COMMANDS = {  # as `COMMANDS`, with a pool
    "run loans.py --on htcondor": ["done, "],
    "holds advise --schedd": [],
    "exec --on htcondor --output model.bin -- ./train.sh": ["1 step run"],
    "plan loans.py --on htcondor": ["to run"],
    "watch": ["done"],
    "why RUN STEP": ("why last 'fit[1.0]'", []),
    "why 12.0": ("why {job}", ["idle", "->"]),
    "pool status": ["cpus", "memory"],
    "check pipeline.py --on campus": [],
}
ELSEWHERE = {  # what takes too long, or needs what a test has already, and the test that runs it
    "./run demo": "tests/test_examples.py::test_the_demo_trains_deploys_and_predicts",
    "./run test": "tests/run.sh::check python -m pytest",
    "wingspan --install-completion": "tests/cli/test_main.py::completion",
    "_WINGSPAN_COMPLETE=source_bash wingspan": "tests/cli/test_main.py::completion",
    "wingspan events follow": "tests/cli/test_events.py::follow",
    "wingspan report --open": "tests/report/test_run_page.py::def test_a_report_is_opened_in_the_browser",
    "wingspan report loan_status": "tests/report/test_logs_and_models.py::def test_a_deployed_model_is_found_by_its_name",
    "wingspan holds watch EventLog --state": "tests/advisor/test_watching.py::test_each_hold_is_reported_once_across_restarts",
    "wingspan holds watch": "tests/cli/test_advise.py::test_watch_prints_a_hold_once",
    "wingspan holds explain 123.0": "tests/cli/test_held_json.py::test_one_job",
    "wingspan holds explain fit": "tests/advisor/test_one_job.py::test_a_node_is_all_its_submissions",
    "wingspan why 123.0": "tests/cli/test_holds.py::test_a_job_is_explained_by_its_log",
    "wingspan holds actions": "tests/cli/test_held_json.py::test_acts_as_text",
    "wingspan holds undo": "tests/advisor/test_audit.py::test_an_edit_has_its_old_value_and_is_put_back",
    "wingspan holds sweep config.yaml": "tests/recipes/test_hold_sweep.py::def test_four_runs",
    "wingspan holds advise EventLog* --model advisor": "tests/recipes/test_hold_sweep.py::--model",
    "wingspan holds train": "tests/cli/test_holds_judge.py::test_trained_advisors_open",
    "wingspan holds evaluate": "tests/cli/test_holds_judge.py::test_how_often_holds_were_judged_on_is_counted",
    "wingspan holds advise EventLog --model": "tests/cli/test_holds_judge.py::test_trained_advisors_open",
    "wingspan holds advise job.log --apply": "tests/advisor/test_live_drill.py::--apply",
    "wingspan train loans.csv --target loan_status --tune": "tests/recipes/test_tuning.py::def test_a_tuned_model",
    "wingspan sweep ./sweep.yaml --trials": "tests/cli/test_sweep.py::def test_a_program_is_searched",
    "wandb login": "tests/runner/test_wandb_mirror.py::wandb login",
    "wingspan run digits.py --track wandb": "tests/runner/test_wandb_mirror.py::def test_a_run_is_shown",
    "wingspan sweep ./examples/wandb_sweep/sweep.yaml": "tests/runner/test_wandb_script.py::def test_a_script",
    "wingspan track sync": "tests/runner/test_wandb_mirror.py::def test_a_sync",
    "wingspan pool install": "tests/pool/test_install.py::def test",
    "wingspan pool start": "tests/cli/test_pool.py::test_start_status_stop",
    "wingspan pool stop": "tests/cli/test_pool.py::test_start_status_stop",
    "wingspan run examples/hold_advisor.py": "tests/recipes/test_hold_advisor.py::def test",
}
SHOWN = {}  # beginning of what is shown to be looked at -> the function that checks it
BEFORE = {}  # beginning of a sample -> what is done before it


@dataclass(frozen=True)
class Sample:
    """A block of code on a page."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self):
        return f"{self.page}:{self.line}"

    @property
    def file(self):
        """Return the name of the file that a sample shows, if its first line says so."""
        named = re.match(r"# (\w+\.(?:py|yaml))\n", self.text)
        return named[1] if named and named[1] != "loans.py" else None

    @functools.cached_property
    def kind(self):
        """Return commands, toml, python, guide, or shown: something that is only to be looked at."""
        lines = [line for line in self.text.splitlines() if line.strip()]
        if self.language in OF_GUIDES:
            return "guide"
        if check_of(self):
            return "shown"
        if self.file:
            return "file"
        if all(line.startswith(PROGRAMS) for line in lines):
            return "commands"
        for kind, parse in (("toml", tomllib.loads), ("python", ast.parse)):
            if self.language in {kind, ""}:
                try:
                    parse(self.text)
                except (tomllib.TOMLDecodeError, SyntaxError):
                    continue
                return kind
        return "unknown"


def check_of(sample):
    """Return the function that checks what a sample shows; None for one that is run."""
    return next((check for line, check in SHOWN.items() if sample.text.startswith(line)), None)


def samples_of(path):
    """Yield the blocks of a page: fenced, or indented by four spaces after an empty line."""
    lines = path.read_text().splitlines()
    number = 0
    while number < len(lines):
        start = number
        if fence := re.fullmatch(r"```(\w*)", lines[number]):
            number = next(n for n in range(start + 1, len(lines)) if lines[n] == "```")
            text, language, start = lines[start + 1 : number], fence[1], start + 1
        elif lines[number].startswith("    ") and (not start or not lines[start - 1].strip()):
            rest = itertools.takewhile(
                lambda n: not lines[n].strip() or lines[n].startswith("    "),
                range(start, len(lines)),
            )
            number = max(n for n in rest if lines[n].strip())
            text, language = [line[4:] for line in lines[start : number + 1]], ""
        else:
            number += 1
            continue
        number += 1
        yield Sample(path.relative_to(ROOT).as_posix(), start + 1, language, "\n".join(text))


ALL = [sample for page in PAGES for sample in samples_of(page)]


def shown(first_line):
    """Register the check of a block that begins with this line; it gets the sample and a folder with the data."""

    def register(check):
        SHOWN[first_line] = check
        return check

    return register


def before(*first_lines):
    """Register what is done before a sample that begins so: names that its page only describes are made."""

    def register(prepare):
        BEFORE.update(dict.fromkeys(first_lines, prepare))
        return prepare

    return register


def commands_of(sample):
    """Yield the command lines of a sample, as they would be given without the repository's `./run`."""
    for line in filter(str.strip, sample.text.splitlines()):
        command = re.split(r"\s+#\s|\s{2,}", line.strip())[0]
        yield re.sub(r"^\./run wingspan ", "wingspan ", command)


def elsewhere(command):
    """Return the test that runs a command in place of these."""
    return next((test for words, test in ELSEWHERE.items() if command.startswith(words)), None)


def needs_pool(command):
    """Return whether a command of wingspan asks for a pool."""
    return ON_A_POOL.search(command.removeprefix("wingspan ")) is not None


def wingspan(command, folder, monkeypatch):
    """Run a command in a folder; return exit code and all that it printed."""
    words = shlex.split(command)[1:]
    words = [
        name
        for w in words
        for name in (sorted(p.name for p in folder.glob(w)) if "*" in w else [w])
    ]
    monkeypatch.chdir(folder)
    if words[0] in FORKS or words[:2] == ["pool", "run"]:
        done = subprocess.run(
            [sys.executable, "-m", "wingspan", *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=250,
        )
        return done.returncode, done.stdout + done.stderr
    result = CliRunner().invoke(app, words)
    told = f"error: {result.exception}" if isinstance(result.exception, WingspanError) else ""
    return result.exit_code, result.output + told


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """Make the small files that the pages name."""
    folder = tmp_path_factory.mktemp("pages")
    readme = "".join(
        sample.text
        for sample in samples_of(ROOT / "README.md")
        if sample.text.startswith("# loans.py")
    )
    (folder / "loans.py").write_text(readme)
    (folder / "pipeline.py").write_text(readme)
    for name, source in (
        ("loans.csv", "loans"),
        ("new_loans.csv", "new_loans"),
        ("new.csv", "new_loans"),
    ):
        shutil.copy(ROOT / "examples" / f"{source}.csv", folder / name)
    (folder / "workflow.dag").write_text("JOB A a.sub\nJOB B b.sub\nPARENT A CHILD B\n")
    (folder / "train.sh").write_text("#!/bin/sh\necho trained > model.bin\n")
    (folder / "train.sh").chmod(0o755)
    (folder / "pool.toml").write_text(POOL)
    words = [
        "simulate",
        str(folder / "pool.toml"),
        "--out",
        str(folder / "EventLog"),
        "--truth",
        str(folder / "truth"),
        "--seed",
        "3",
    ]
    assert CliRunner().invoke(app, words).exit_code == 0
    (folder / "logs").mkdir()
    for name in ("EventLog.old", "logs/a.log"):
        shutil.copy(folder / "EventLog", folder / name)
    text = (folder / "EventLog").read_text()
    held = text.index("\n012 (")
    (folder / "job.log").write_text(text[: text.index("\n...\n", held) + 5])
    (folder / "first").write_text(re.search(r"\((\d+\.\d+)", text)[1])
    run = [sys.executable, "-m", "wingspan", "run", "loans.py"]
    assert subprocess.run(run, cwd=folder, capture_output=True, check=False).returncode == 0
    return folder


@before("events = read_events([")
@before("from wingspan.eventlog.read import read_events")
def give_a_time(names, folder):
    names["time"] = np.array([1.7e9])


@before("frame[numbers] = ")
def give_a_table_and_its_names(names, folder):
    import pandas as pd
    from sklearn.model_selection import train_test_split

    frame = pd.read_csv(folder / "loans.csv")
    names |= {"pd": pd, "train_test_split": train_test_split, "frame": frame, "file": "dummies.csv"}
    names |= {"target": "loan_status", "y": frame["loan_status"], "numbers": ["income", "amount"]}


@before("from wingspan.advisor.models.checkpoint import Saved, save_network")
def give_examples_to_learn_from(names, folder):
    pytest.importorskip("torch")
    from wingspan.advisor.samples.tensors import Layout, Tensors

    counts = np.random.default_rng(0).poisson(0.3, (60, 4, 2, 3)).astype(np.uint8)
    tensors = Tensors(counts, np.ones((60, 4, 2), bool), np.zeros((60, 2), np.int32))
    names |= {"tensors": tensors, "labels": np.arange(60) % 2.0, "weights": np.ones(60)}
    names |= {"train_rows": np.arange(40), "validate_rows": np.arange(40, 60)}
    names |= {
        "folder": folder / "epochs",
        "out": folder / "network",
        "layout": Layout(m=4, j=2, e=3),
    }


@before("wingspan models list")
def deploy_three_versions(names, folder):
    for seed in (1, 2):
        card = dataclasses.replace(names["card"], seed=seed)
        bundle = names["Bundle"](names["model"], names["preparation"], card)
        names["deploy"](bundle, Path("models"), "loan")


@shown("012 (1234.000.000) 2026-05-01 12:00:00 Job was held.")
def a_held_job(sample, folder):
    (folder / "held.log").write_text(sample.text.replace("        ", "\t") + "\n...\n")
    events = read_events([folder / "held.log"])
    assert (events.code[0], events.hold_code[0], events.hold_subcode[0]) == (12, 12, 2)


EXPLAINED = """000 (123.000.000) 2026-05-01 10:00:00Z Job submitted from host: <10.0.0.1:9618?alias=ap40>
    DAG Node: fit
...
001 (123.000.000) 2026-05-01 10:05:00Z Job executing on host: <10.0.0.2:9618?alias=e1>
\tSlotName: slot1@e1
...
004 (123.000.000) 2026-05-01 12:06:00Z Job was evicted.
\t(0) CPU times
\t\tUsr 0 00:00:00, Sys 0 00:00:00  -  Run Remote Usage
\t\tUsr 0 00:00:00, Sys 0 00:00:00  -  Run Local Usage
\t0  -  Run Bytes Sent By Job
\t0  -  Run Bytes Received By Job
...
001 (123.000.000) 2026-05-01 12:09:00Z Job executing on host: <10.0.0.3:9618?alias=e2>
\tSlotName: slot1@e2
...
006 (123.000.000) 2026-05-01 13:00:00Z Image size of job updated: 4188160
\t4090  -  MemoryUsage of job (MB)
\t4188160  -  ResidentSetSize of job (KB)
...
012 (123.000.000) 2026-05-01 14:10:09Z Job was held.
\tError from slot1@e2: Job has gone over memory limit of 4096 megabytes
\tCode 34 Subcode 0
...
000 (124.000.000) 2026-05-01 17:30:30Z Job submitted from host: <10.0.0.1:9618?alias=ap40>
...
"""


@shown("job 123.0, node fit: held since 2026-05-01 14:10:09Z")
def a_job_explained_by_its_log(sample, folder):
    """Each line of the page is one that the command prints about such a log."""
    (folder / "explained.log").write_text(EXPLAINED)
    result = CliRunner().invoke(app, ["holds", "explain", "123.0", str(folder / "explained.log")])
    assert result.exit_code == 0, result.output
    printed = " ".join(result.output.split())
    for line in filter(str.strip, sample.text.splitlines()):
        assert " ".join(line.split()) in printed, f"{line}\n{result.output}"


@shown("job 12.0 (step fit[1.0]), and 2 jobs alike: idle for 5 min")
def why_a_job_waits(sample, folder):
    """The words are the program's own."""
    source = "".join(
        (ROOT / "src/wingspan" / name).read_text()
        for name in ("cli/why.py", "accesspoint/idle.py", "accesspoint/matching.py")
    )
    for words in (
        "jobs alike",
        "slots meet",
        "ask for at most",
        "slots match",
        "meet all, ",
        "with room now",
    ):
        assert words in source, words
        assert words in sample.text, words


@shown('{\n  "ranges"')
def the_rules_of_a_table(sample, folder):
    rules = Rules.from_json(json.loads(sample.text))
    assert rules.ranges[0].column == "age"
    assert Rules.from_json(rules.as_json()) == rules


@shown("SHARED/")
def a_shared_folder(sample, folder):
    """The names are those that are written."""
    source = (ROOT / "src/wingspan/runner/htcondor/shared.py").read_text()
    assert re.findall(r"^  (\w+)/", sample.text, re.MULTILINE) == ["environments", "runs"]
    assert '"environments"' in source
    assert '"runs"' in source


@shown("store/format.json")
def the_folder_of_a_store(sample, folder):
    store = folder / ".wingspan" / "store"
    assert (store / "format.json").is_file()
    results = list(store.glob("??/*/result.json"))
    assert results
    assert all(path.parent.name.startswith(path.parent.parent.name) for path in results)
    assert all((path.parent / "outputs").is_dir() for path in results)


@shown("step fit, result['models'][2].scoring._score_func: ")
def a_refused_model(sample, folder):
    from sklearn.linear_model import Ridge
    from sklearn.metrics import make_scorer
    from sklearn.model_selection import GridSearchCV

    search = GridSearchCV(Ridge(), {}, scoring=make_scorer(np.loadtxt))
    with pytest.raises(WingspanError) as caught:
        encode({"models": [1, 2, search]}, folder / "value", name="result")
    assert f"step fit, {caught.value}".startswith(sample.text)


def promised_models(names, folder):
    low, high = names["result"].metric("precision").low, names["result"].metric("precision").high
    assert 0 <= low <= names["result"].metric("precision").value <= high <= 1
    assert (folder / "shared/models/loan/1").is_dir()
    assert (folder / "out.parquet").is_file()


def promised_tables(names, folder):
    train = names["train"]
    assert train.x.shape == (len(train.rows), len(names["preparation"].features))
    assert train.y.shape == train.rows.shape


def promised_events(names, folder):
    assert len(names["held"]) > 0


def promised_advisor(names, folder):
    assert list((folder / "network").iterdir())


PROMISED = {  # page -> what must hold of the names after its Python has run, and of the folder
    "docs/models.md": promised_models,
    "docs/tables.md": promised_tables,
    "docs/eventlog.md": promised_events,
    "docs/advisor.md": promised_advisor,
}


def check_command(command, folder, monkeypatch, table=COMMANDS):
    """Run one command of a page; compare exit code and words."""
    told = table.get(command.removeprefix("wingspan "), [])
    instead, words = told if isinstance(told, tuple) else (command, told)
    for token in re.findall(r"{(\w+)}", instead):
        instead = instead.replace(f"{{{token}}}", (folder / token).read_text())
    code, output = wingspan(f"wingspan {instead.removeprefix('wingspan ')}", folder, monkeypatch)
    assert code == 0, f"{command}\n{output}"
    for word in words:
        assert word in output, f"{command}: expected {word!r} in\n{output}"


def check_toml(sample, folder):
    """Read a table as the program does: a pool's profile, or parameters of the simulator."""
    if sample.page == "docs/simulator.md":
        (folder / "my_pool.toml").write_text(sample.text)
        words = [
            "simulate",
            "my_pool.toml",
            "--out",
            "x.log",
            "--truth",
            "x.jsonl",
            "--days",
            "0.02",
        ]
        assert CliRunner().invoke(app, words).exit_code == 0
        return
    text = sample.text if "[pools." in sample.text else f"[pools.campus]\n{sample.text}"
    (folder / "wingspan.toml").write_text(text)
    pools = tomllib.loads(text)["pools"]
    assert all(find_profile(name, folder) for name in pools)


def test_there_are_samples_of_every_kind():
    """The pages are found, and so are their blocks."""
    assert {sample.kind for sample in ALL} >= {"commands", "python", "toml", "shown"}
    assert len(ALL) > 30


@pytest.mark.parametrize("sample", ALL, ids=str)
def test_no_sample_is_left_out(sample):
    """Each is of a kind that is run or checked; what runs elsewhere names a test that is there."""
    assert sample.kind != "unknown", f"add what {sample} shows to SHOWN:\n{sample.text}"
    for command in commands_of(sample) if sample.kind == "commands" else ():
        if test := elsewhere(command):
            file, _, name = test.partition("::")
            assert name in (ROOT / file).read_text(), test
        elif not command.startswith("wingspan "):
            raise AssertionError(f"add the test that runs {command!r} to ELSEWHERE")


def parse(command):
    """Check a command line as the program would, without doing anything: its options and their values."""
    words = shlex.split(command)[1:]
    context = click.Context(typer.main.get_command(app), info_name="wingspan")
    found = context.command
    while hasattr(found, "commands"):
        word = words[0] if words[0] in found.commands else "run"  # as `wingspan sweep FILE` is read
        words = words[1:] if word == words[0] else words
        found = found.commands[word]
    found.make_context("wingspan", words, parent=context)


@pytest.mark.parametrize(
    "command",
    sorted(
        {
            c
            for s in ALL
            if s.kind == "commands"
            for c in commands_of(s)
            if needs_pool(c) or elsewhere(c)
        }
    ),
)
def test_a_command_that_needs_a_pool_or_long_is_one(command):
    """Its options exist and take such values. With a pool, it runs in `test_the_samples_run_on_a_pool`."""
    if command.startswith("wingspan ") and "--install-completion" not in command:
        parse(command)


def run_sample(sample, names, folder, monkeypatch):
    """Run one sample but for what needs a pool; `names` are those that the page's Python has made so far."""
    first = sample.text.splitlines()[0]
    for words, prepare in BEFORE.items():
        if first.startswith(words):
            prepare(names, folder)
    if sample.kind == "commands":
        for command in commands_of(sample):
            if not (elsewhere(command) or needs_pool(command)):
                check_command(command, folder, monkeypatch)
    elif sample.kind == "python" and first != "# loans.py" and not on_a_pool(sample):
        lines = sample.text.splitlines(keepends=True)
        linecache.cache[str(sample)] = (len(sample.text), None, lines, str(sample))  # as of a cell
        exec(compile(sample.text, str(sample), "exec"), names)  # noqa: S102
    elif sample.kind == "toml":
        check_toml(sample, folder)
    elif sample.kind == "file":
        (folder / sample.file).write_text(sample.text)
    elif sample.kind == "shown":
        check_of(sample)(sample, folder)


SLOW = {
    "docs/from-scripts.md",
    "docs/models.md",
    "docs/quickstart.md",
    "docs/tables.md",
}  # the commands of these train for a while


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=[pytest.mark.long] if page in SLOW else [])
        for page in sorted({sample.page for sample in ALL})
    ],
)
def test_the_samples_of_a_page_run(page, data, tmp_path, monkeypatch):
    """All samples of a page, in order, in one folder: commands end well and print what is promised, Python runs."""
    folder = tmp_path / "project"
    shutil.copytree(data, folder, symlinks=True)
    if page == "README.md":  # which begins at the beginning
        shutil.rmtree(folder / ".wingspan")
    monkeypatch.delenv("WINGSPAN_HOME", raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(folder)
    names = {"__name__": f"sample_{Path(page).stem}"}
    for sample in (sample for sample in ALL if sample.page == page):
        monkeypatch.chdir(folder)
        run_sample(sample, names, folder, monkeypatch)
    if page in PROMISED:
        PROMISED[page](names, folder)


def on_a_pool(sample):
    """Return whether a sample runs on a pool, at least in part."""
    if sample.kind == "commands":
        return any(needs_pool(command) for command in commands_of(sample))
    return "start_pool(" in sample.text


PROFILE = """
[pools.campus]
environment = "installed"
shared = "{}"
"""


@pytest.mark.htcondor
@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", sorted({sample.page for sample in ALL if on_a_pool(sample)}))
def test_the_samples_run_on_a_pool(page, data, pool, job_folder, monkeypatch):
    """What needs a pool does what its page says, with real daemons; a whole sample runs if one line needs them."""
    folder = job_folder.parent / re.sub(r"\W", "_", page)  # polars takes brackets for a pattern
    shutil.copytree(data, folder, symlinks=True)
    (job_folder / "shared").mkdir()
    (folder / "wingspan.toml").write_text(PROFILE.format(job_folder / "shared"))
    monkeypatch.delenv("WINGSPAN_HOME", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(job_folder / "state"))
    monkeypatch.chdir(folder)
    submit = [
        "condor_submit",
        "-terse",
        "-append",
        "requirements = false",
        "-append",
        "queue",
        "/dev/null",
    ]
    submit[1:1] = ["-append", "executable = /bin/true"]
    done = subprocess.run(submit, capture_output=True, text=True, check=True)
    (folder / "job").write_text(done.stdout.split()[0])
    if page in {"README.md", "docs/htcondor.md"}:
        shutil.rmtree(folder / ".wingspan")
    for sample in (sample for sample in ALL if sample.page == page and on_a_pool(sample)):
        if sample.kind == "python":
            exec(compile(sample.text, str(sample), "exec"), {"__name__": "sample"})  # noqa: S102
            continue
        for command in commands_of(sample):
            if not elsewhere(command):
                check_command(command, folder, monkeypatch, POOL_COMMANDS)

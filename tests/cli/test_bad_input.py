"""Bad input through the real command: one clear message, exit code 2, no traceback, and what existed is untouched."""

import gc
import io
import json
import os
import random
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout

import pytest

from wingspan.cli.main import main

HEADER = "id,income,amount,home,default"


def start(*words, cwd):
    """Start the command in a folder."""
    return subprocess.Popen(
        [sys.executable, "-m", "wingspan", *map(str, words)],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={k: v for k, v in os.environ.items() if not k.startswith("WINGSPAN_")},
    )


def wingspan(*words, cwd, check=0):
    """Run the command; return its output and its messages after checking its exit code."""
    with start(*words, cwd=cwd) as process:
        told = process.communicate(timeout=120)
    assert process.returncode == check, told
    return told


def wingspan_here(*words, cwd, check=0):
    """Run the command in this process: as `wingspan`, without the time that an interpreter takes to start."""
    output, messages = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(cwd)
        patch.delenv("WINGSPAN_HOME", raising=False)
        patch.setattr(gc, "set_threshold", lambda *_: None)  # for a process of its own
        patch.setattr(sys, "argv", ["wingspan", *map(str, words)])
        with redirect_stdout(output), redirect_stderr(messages), pytest.raises(SystemExit) as end:
            main()
    told = output.getvalue(), messages.getvalue()
    assert end.value.code == check, told
    return told


def loans(rows=240, **columns):
    """Return the lines of a table; a column given as a function of the row's number takes its place."""
    draw = random.Random(3)
    lines = [HEADER]
    for row in range(rows):
        income, amount = draw.randint(10, 99) * 1000, draw.randint(1, 40) * 500
        values = {
            "id": row,
            "income": income,
            "amount": amount,
            "home": draw.choice(["rent", "own"]),
            "default": int(amount / income + 0.3 * draw.random() > 0.35),
        }
        values |= {name: column(row) for name, column in columns.items()}
        lines.append(",".join(map(str, values.values())))
    return lines


def write(path, lines, encoding="utf-8"):
    path.write_bytes("".join(f"{line}\n" for line in lines).encode(encoding))


def without(lines, *dropped):
    """Return a table's lines less some columns."""
    keep = [index for index, name in enumerate(lines[0].split(",")) if name not in dropped]
    return [",".join(line.split(",")[index] for index in keep) for line in lines]


def content(folder):
    """Return the bytes of every file of a folder by its relative path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Give a folder with a table, new rows, a deployed model and predictions; what is refused must not change it."""
    folder = tmp_path_factory.mktemp("trained")
    write(folder / "loans.csv", loans())
    write(folder / "new.csv", without(loans(30), "default"))
    words = ["--estimators", "logistic_regression", "--name", "loan"]
    wingspan("train", "loans.csv", "--target", "default", *words, cwd=folder)
    (folder / "out.csv").write_text("what was there before\n")
    return folder


def refused(trained, *words, told):
    """Check that a command is refused well: one message with its parts, and nothing that existed has changed."""
    before = content(trained / "models")
    store = content(trained / ".wingspan/store")
    output, messages = wingspan_here(*words, cwd=trained, check=2)
    assert messages.count("error: ") == 1, messages
    assert messages.count("\n  -> ") == 1, messages
    assert "Traceback" not in output + messages
    assert "/inputs/" not in messages
    for part in told:
        assert part in messages
    assert content(trained / "models") == before
    now = content(trained / ".wingspan/store")
    grows = ("contents.txt", ".reads.jsonl")  # by the steps that ended well before the refusal
    for name, before in store.items():
        assert now[name].startswith(before) if name in grows else now[name] == before
    assert (trained / "out.csv").read_text() == "what was there before\n"
    assert not list(trained.rglob("*.part"))


TABLES = {
    "empty": ([], "default", ["bad.csv: the file is empty", "give a CSV with a header"]),
    "delimiter": (
        [line.replace(",", ";") for line in loans(9)],
        "default",
        ["bad.csv:1: one column, whose name holds a semicolon", "read it with --delimiter ';'"],
    ),
    "ragged": (
        [*loans(9), "9,5000,4"],
        "default",
        ["bad.csv:11: expected 5 fields, found 3", "correct the line"],
    ),
    "encoding": (
        loans(9, home=lambda row: "caf\xe9" if row == 4 else "own"),
        "default",
        ["bad.csv:6: byte 0xe9", "is not UTF-8", "iconv"],
    ),
    "twice": (
        ["id,income,income,home,default", *loans(9)[1:]],
        "default",
        ["bad.csv:1: columns with the same name: 'income'", "rename"],
    ),
    "missing target": (
        loans(9),
        "defalt",
        ["column 'defalt': not a column; there are id, income", "did you mean 'default'?"],
    ),
    "constant target": (
        loans(60, default=lambda _: 1),
        "default",
        ["column 'default': the target is 1 in every row", "two or more classes"],
    ),
    "infinite": (
        loans(60, amount=lambda row: "inf" if row == 8 else row / 2),
        "default",
        ["column 'amount' has inf", '--rules FILE with {"infinities": "null"}'],
    ),
    "not binary": (
        loans(90, default=lambda row: row % 3),
        "default",
        [
            "metric 'roc_auc': not known for a model of 3 classes",
            "it has accuracy, precision_macro",
        ],
    ),
}


@pytest.mark.parametrize("case", TABLES)
def test_a_table_that_cannot_be_trained_on_is_refused(trained, case):
    """The file that the user gave and the line or column, what was expected, and what to do."""
    lines, target, told = TABLES[case]
    write(trained / "bad.csv", lines, "latin-1" if case == "encoding" else "utf-8")
    metric = "roc_auc" if case == "not binary" else "precision"
    words = ["--estimators", "logistic_regression", "--select", metric, "--name", "loan"]
    refused(trained, "train", "bad.csv", "--target", target, *words, told=told)
    if told[0].startswith("bad.csv"):
        assert str(trained / "bad.csv") in wingspan_here("status", cwd=trained)[0]


SETTINGS = [
    (["train", "missing.csv", "--target", "default"], ["missing.csv: there is no such file"]),
    (["train", "loans.csv", "--target", "default", "--rules", "no.json"], ["--rules no.json"]),
    (["train", "loans.csv", "--target", "default", "--rules", "new.csv"], ["as a JSON object"]),
    (
        ["train", "loans.csv", "--target", "default", "--home", "new.csv"],
        ["nothing can be written"],
    ),
    (["train", "loans.csv", "--target", "default", "--models", "new.csv"], ["--models new.csv"]),
    (["predict", "missing.csv", "--out", "out.csv"], ["missing.csv: there is no such file"]),
    (["predict", "new.csv", "--out", "out.xls"], ["--out out.xls: expected the name of a .csv"]),
    (["predict", "new.csv", "--out", "new.csv/out.csv"], ["nothing can be written in"]),
    (["predict", "new.csv", "--out", "/proc/out.csv"], ["nothing can be written in /proc: "]),
    (["predict", "new.csv", "--out", "out.csv", "--model", "laon"], ["did you mean loan?"]),
    (["predict", "new.csv", "--out", "out.csv", "--id", "incme"], ["did you mean 'income'?"]),
    (["predict", "new.csv", "--out", "nodir/out.csv"], ["there is no folder nodir", "mkdir -p"]),
]
EARLY = [
    (
        ["--select", "bogus"],
        ["metric 'bogus': not a metric of a classification; there are accuracy, "],
    ),
    (["--select", "precison"], ["did you mean precision"]),
    (["--estimators", "desicion_tree"], ["did you mean decision_tree", "An import path such as"]),
    (["--estimators", "foo"], ["choose one of logistic_regression", "An import path such as"]),
    (["--drop", "nope"], ["column 'nope': not a column; there are id, income"]),
    (["--target", "defalt"], ["expected one target column, found 2: default, defalt"]),
    (["--task", "regression", "--estimators", "svc"], ["'svc' is for classes", "--task"]),
    (["--select", "log_loss", "--estimators", "linear_svc"], ["linear_svc gives no probabilities"]),
    (["--parameter", "decision_tree.max_dept=3"], ["did you mean max_depth? It takes criterion"]),
    (["--predict", "new.csv", "--out", "nodir/p.csv"], ["there is no folder nodir"]),
    (["--name", "my model"], ["'my model' cannot name a folder", "--name NAME"]),
]


@pytest.mark.parametrize(("words", "told"), SETTINGS)
def test_a_setting_that_does_not_fit_is_refused(trained, words, told):
    """A file that is not there, an unwritable place, a misspelt name: said before anything is computed for it."""
    refused(trained, *words, told=told)


@pytest.mark.parametrize(("words", "told"), EARLY)
def test_what_names_alone_tell_is_refused_before_any_run(trained, words, told):
    """No run is made for a metric, an estimator, a parameter or a column that is not known."""
    runs = sorted((trained / ".wingspan/runs").iterdir())
    refused(trained, "train", "loans.csv", "--target", "default", *words, told=told)
    assert sorted((trained / ".wingspan/runs").iterdir()) == runs


def test_new_rows_that_do_not_fit_the_model_are_refused(trained):
    """A missing column, one that changed its type, and an infinity leave the predictions of before."""
    rows = without(loans(20), "default")
    words = ("predict", "bad.csv", "--out", "out.csv")
    write(trained / "bad.csv", without(rows, "amount"))
    refused(
        trained, *words, told=["column 'amount' is missing", "columns id, income, amount, home\n"]
    )
    write(
        trained / "bad.csv", without(loans(20, amount=lambda r: "much" if r == 4 else 3), "default")
    )
    refused(trained, *words, told=[f"{trained}/bad.csv: column 'amount'", "row 5 has 'much'"])
    write(
        trained / "bad.csv", without(loans(20, amount=lambda r: "inf" if r == 4 else 3), "default")
    )
    refused(trained, *words, told=["column 'amount' has inf"])


@pytest.mark.long
def test_unseen_categories_are_counted(trained):
    """They are no error: the rows are predicted, and the count stands in the messages and the JSON."""
    lines = loans(20, home=lambda row: "yacht" if row < 3 else "own")
    write(trained / "unseen.csv", without(lines, "default"))
    output, messages = wingspan("predict", "unseen.csv", "--out", "p.csv", "--json", cwd=trained)
    assert json.loads(output)["unseen"] == {"home": 3}
    assert len((trained / "p.csv").read_text().splitlines()) == 21
    assert "unseen" not in messages


def test_a_model_that_was_tampered_with_is_refused(trained):
    """A single changed byte: the file is named, with the digest expected and found."""
    models = trained / "tampered"
    shutil.copytree(trained / "models", models)
    file = models / "loan/1/model.skops"
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    words = ("predict", "new.csv", "--out", "out.csv", "--models", "tampered")
    refused(trained, *words, told=[f"{file}: expected blake2b-256:", "roll back"])


@pytest.mark.parametrize("stamp", ['{"format": 99}', "no stamp"])
def test_a_store_of_another_format_is_left_alone(trained, tmp_path, stamp):
    """It is refused before anything is written into it."""
    (tmp_path / "store").mkdir()
    (tmp_path / "store/format.json").write_text(stamp)
    words = ("train", "loans.csv", "--target", "default", "--home", tmp_path)
    refused(
        trained, *words, told=[f"{tmp_path}/store: the store has format", "this version knows 1"]
    )
    assert content(tmp_path / "store") == {"format.json": stamp.encode()}


@pytest.fixture
def small_disk(tmp_path):
    """Give a function that mounts a file system of few bytes on a folder of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(size):
        words = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
        try:
            done = subprocess.run(words, capture_output=True, text=True, check=False)
        except OSError as error:
            pytest.skip(f"NO SMALL DISK, so a full one is not tested: {error}")
        if done.returncode:
            pytest.skip(f"NO SMALL DISK, so a full one is not tested: {done.stderr.strip()}")
        return folder

    yield mount
    subprocess.run(["umount", str(folder)], capture_output=True, check=False)


@pytest.mark.long
def test_a_full_disk_is_told_and_the_same_command_goes_on(trained, small_disk):
    """The folder that is full is named; after the disk has grown nothing finished is run again."""
    disk = small_disk("128k")
    words = ("train", "loans.csv", "--target", "default", "--estimators", "decision_tree")
    words = (*words, "--home", disk, "--no-deploy")
    refused(trained, *words, told=[f"{disk}/", "no space left to write", "free some space"])
    subprocess.run(["mount", "-o", "remount,size=8m", str(disk)], check=True)
    messages = wingspan(*words, cwd=trained)[1]
    assert int(messages.rpartition(", ")[2].split()[0]) >= 1  # up to date


def test_a_disk_too_full_for_the_result_of_a_step_is_told(tmp_path, small_disk):
    """Where a job cannot even say how it ended the folder is named; with room again, what was finished is kept."""
    code = """
        from pathlib import Path
        import wingspan as ws

        def small(n: int) -> int:
            return n

        def fill(n: int) -> int:
            try:
                with Path("big").open("wb", buffering=0) as file:
                    while True:
                        file.write(bytes(512))
            except OSError:
                return n

        def pipeline() -> ws.Pipeline:
            p = ws.Pipeline("fill")
            p.step(fill, p.step(small, 1))
            return p
    """
    (tmp_path / "fill.py").write_text("\n".join(line[8:] for line in code.splitlines()))
    disk = small_disk("1m")
    _, messages = wingspan("run", "fill.py", "--home", disk, cwd=tmp_path, check=2)
    assert f"error: {disk}/runs/" in messages
    assert ": no space left to write result.json\n  -> free some space" in messages
    assert "Traceback" not in messages
    for big in disk.rglob("big"):
        big.unlink()
    assert "1 up to date" in wingspan("run", "fill.py", "--home", disk, cwd=tmp_path, check=2)[1]


def test_a_full_disk_under_the_models_leaves_those_there(trained, small_disk):
    """A version that does not fit is not deployed, nor half of it."""
    disk = small_disk("16k")
    words = ("train", "loans.csv", "--target", "default", "--estimators", "logistic_regression")
    words = (*words, "--models", disk, "--name", "loan")  # all steps are up to date
    refused(trained, *words, told=[f"{disk}/loan: no space left to write 1"])
    assert [path.name for path in disk.rglob("*") if path.is_file()] == [".lock"]


@pytest.mark.long
def test_two_runs_at_once_end_well_with_one_model(tmp_path):
    """The same command twice at the same time: both end well, and what is deployed is one model, whole."""
    write(tmp_path / "loans.csv", loans())
    words = ("train", "loans.csv", "--target", "default", "--estimators", "decision_tree")
    words = (*words, "--name", "loan", "--json")
    both = [start(*words, cwd=tmp_path) for _ in range(2)]
    told = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], "".join(
        messages for _, messages in told
    )
    first, second = (json.loads(output) for output, _ in told)
    assert first["evaluations"] == second["evaluations"]
    assert first["deployed"] == second["deployed"]
    listed = json.loads(wingspan("models", "list", "--json", cwd=tmp_path)[0])
    assert [(one["name"], one["version"], one["current"]) for one in listed] == [("loan", 1, True)]


def test_a_step_that_fails_by_itself_is_still_reported(tmp_path):
    """A fault of the code is no bad input: the traceback, and exit code 1, also when another step had bad input."""
    code = """
        from pathlib import Path
        import wingspan as ws
        from wingspan.errors import TableError

        def refuse(n: int, file: Path) -> int:
            raise TableError(f"{file}:3", "expected a number", f"correct {file}")

        def fail(n: int) -> int:
            return n // 0

        def join(a: int, b: int) -> int:
            return a + b

        def pipeline(both: bool = False) -> ws.Pipeline:
            p = ws.Pipeline("refused")
            refused = p.step(refuse, 1, Path("some.csv"))
            if both:
                p.step(join, p.step(join, refused, p.step(fail, 1)), 1, name="total")
            return p
    """
    lines = code.splitlines()
    (tmp_path / "refused.py").write_text("\n".join(line[8:] for line in lines))
    (tmp_path / "some.csv").write_text("a\n")
    place = tmp_path / "some.csv"
    _, messages = wingspan("run", "refused.py", cwd=tmp_path, check=2)
    assert messages.endswith(f"error: {place}:3: expected a number\n  -> correct {place}\n")
    assert "Traceback" not in messages
    assert "Traceback" in wingspan("logs", "refuse", cwd=tmp_path)[0]
    _, messages = wingspan("run", "refused.py", "--set", "both=yes", cwd=tmp_path, check=1)
    assert "ZeroDivisionError" in messages
    assert messages.endswith(f"error: {place}:3: expected a number\n  -> correct {place}\n")
    assert messages.count("Traceback") == 1
    assert "runner/job/" not in messages.partition("inputs:")[0]  # the user's frames alone
    assert sorted(
        line.split()[1] for line in messages.splitlines() if line.startswith("skipped")
    ) == ["join", "total"]
    assert ", 2 failed, 2 skipped, 0 up to date" in messages


def test_a_folder_that_is_gone_is_named(tmp_path):
    """Another terminal may remove the folder in which a command is given."""
    (tmp_path / "gone").mkdir()
    script = f"cd gone && rmdir ../gone && {sys.executable} -m wingspan status"
    done = subprocess.run(
        ["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "was removed\n  -> go to another folder" in done.stderr

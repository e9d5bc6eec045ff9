"""What a step reads without being given it is recorded, and a change of it runs the step again."""

import linecache
import textwrap
from pathlib import Path

import pytest

import wingspan as ws
from wingspan.planning.modules import project_of
from wingspan.runner.drive import drive
from wingspan.runner.events import ignore
from wingspan.runner.job.reads import Recorder
from wingspan.store.store import Store

pytestmark = [  # a script that is configured as most are does not close its file
    pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
LOANS = """
    import json, os
    from pathlib import Path
    import wingspan as ws

    HERE = Path(__file__).parent
    CFG = json.load(open(Path(__file__).parent / "cfg.json"))
    RATE = os.environ["RATE"]

    def first() -> str:
        return f"{CFG['x']} {RATE}"

    def second(text: str) -> str:
        import pandas as pd
        return f"{text} {pd.read_csv(HERE / 'data.csv').b.sum()}"

    def third(text: str) -> str:
        return text.upper()

    def pipeline() -> ws.Pipeline:
        p = ws.Pipeline("loans")
        p.step(third, p.step(second, p.step(first)))
        return p
"""


@pytest.fixture
def loans(project, monkeypatch):
    """A script that is configured as most are: a file beside it, a variable, and data that a step opens."""
    monkeypatch.setenv("RATE", "5")
    project.write(loans=LOANS)
    (project.path / "cfg.json").write_text('{"x": "a"}')
    (project.path / "data.csv").write_text("a,b\n1,2\n")
    return project


def plan(project, name="loans"):
    """Why each step that is to run must run."""
    steps = project.fresh(name).pipeline().plan().steps
    return {step.name: step.reason for step in steps if not step.done}


def ran(run):
    return [name for name, event in run.events.items() if event.wall_s]


def test_a_file_and_a_variable_read_by_the_module_are_noticed(loans, monkeypatch):
    """Each change is named and runs the readers; going back finds the old results."""
    assert loans.fresh("loans").pipeline().run()["third"] == "A 5 2"
    assert plan(loans) == {}
    (loans.path / "cfg.json").write_text('{"x": "b"}')
    monkeypatch.setenv("RATE", "6")
    assert plan(loans) == {
        "first": "file cfg.json changed, variable RATE changed",
        "second": "input text: first changed",
        "third": "input text: second changed",
    }
    assert loans.fresh("loans").pipeline().run()["third"] == "B 6 2"
    assert plan(loans) == {}
    (loans.path / "cfg.json").write_text('{"x": "a"}')
    monkeypatch.setenv("RATE", "5")
    assert plan(loans) == {}
    assert loans.fresh("loans").pipeline().run()["third"] == "A 5 2"
    monkeypatch.delenv("RATE")
    with pytest.raises(KeyError):
        plan(loans)


def test_data_read_by_a_step_is_noticed(loans):
    """By the step that reads it alone, and by what reads that."""
    loans.fresh("loans").pipeline().run()
    (loans.path / "data.csv").write_text("a,b\n1,3\n")
    assert plan(loans)["second"] == "file data.csv changed"
    run = loans.fresh("loans").pipeline().run()
    assert (ran(run), run["third"]) == (["second", "third"], "A 5 3")
    (loans.path / "data.csv").write_text("a,b\n1,2\n")
    run = loans.fresh("loans").pipeline().run()
    assert (ran(run), run["third"]) == ([], "A 5 2")


def test_what_to_declare_is_said_once(loans, caplog):
    """By the first run, not by those after it; and by `status`."""
    run = loans.fresh("loans").pipeline().run()
    said = [line for line in caplog.messages if "undeclared" in line]
    assert [line.partition(" undeclared")[0] for line in said] == [
        "step first reads cfg.json, $RATE",
        "step second reads cfg.json, data.csv, $RATE",
        "step third reads cfg.json, $RATE",
    ]
    assert "pass files as Path arguments and variables as parameters" in said[0]
    assert run.events["first"].note == said[0]
    caplog.clear()
    (loans.path / "cfg.json").write_text('{"x": "b"}')
    assert ran(loans.fresh("loans").pipeline().run()) == ["first", "second", "third"]
    assert caplog.messages == []


def test_no_value_is_kept(loans, monkeypatch):
    """A variable may be a password: digests alone are written."""
    monkeypatch.setenv("RATE", "a secret nobody may read")
    run = loans.fresh("loans").pipeline().run()
    store = Store(run.home.store)
    reads = [store.result(step.key)["reads"] for step in run.steps.values()]
    assert all(list(each["env"]) == ["RATE"] for each in reads)
    index = store.reads.path.read_text()
    assert index.count("RATE") == 3
    assert "a secret" not in f"{reads}{index}"


READERS = {
    "open_": "open(f).read()",
    "io_open": "io.open(f, 'rb').read()",
    "os_open": "os.read(os.open(f, os.O_RDONLY), 9)",
    "read_text": "Path(f).read_text()",
    "path_open": "Path(f).open().read()",
    "relative": "open(os.path.relpath(f)).read()",
    "bytes_": "open(os.fsencode(f)).read()",
    "loadtxt": "np.loadtxt(f, delimiter=',', skiprows=1)",
    "genfromtxt": "np.genfromtxt(f, delimiter=',')",
    "fromfile": "np.fromfile(f, dtype='u1')",
    "memmap": "np.memmap(f, dtype='u1', mode='r')",
    "pd_csv": "pd.read_csv(f)",
    "pl_csv": "pl.read_csv(f)",
    "pl_scan": "pl.scan_csv(f).collect()",
    "pl_named": "pl.read_csv(source=f)",
    "pl_several": "pl.scan_csv([f]).collect()",
    "pl_glob": "pl.scan_csv(str(f)[:-3] + '*').collect()",
    "sqlite": "[0 for _ in [sqlite3.connect(f)]]",
    "connect": "[0 for _ in [sqlite3.connect(f'file:{f}?mode=ro', uri=True)]]",
    "configparser_": "open(f).readlines()",
    "resources": "importlib.resources.files('package').joinpath('resources.csv').read_text()",
    "pkgutil_": "pkgutil.get_data('package', 'pkgutil_.csv')",
    "run_path": "runpy.run_path(f)",
    "missing": "[0 for _ in [1] if tried(f)]",
}


LONG = {"np": "numpy", "pd": "pandas", "pl": "polars"}


def test_every_way_to_read_a_file_is_seen(project):
    """Through `open`, past it, relative, by pattern, of a package; also that a file was not there."""
    lines = [
        "def tried(f):",
        "    try: return open(f)",
        "    except FileNotFoundError: return None",
    ]
    for name, expression in READERS.items():
        folder = "package" if name in {"resources", "pkgutil_"} else "data"
        lines += [f"def {name}() -> int:", f"    f = str(HERE / {folder!r} / '{name}.csv')"]
        lines += [f"    {expression}", "    return 1"]
    imports = "import gzip, importlib.resources, io, os, pkgutil, runpy, sqlite3\nimport numpy as np, pandas as pd\n"
    imports += (
        "import polars as pl\nfrom pathlib import Path\nimport wingspan as ws\nimport package\n"
    )
    steps = f"    for f in [{', '.join(READERS)}]: p.step(f)\n    return p\n"
    text = f"{imports}HERE = Path(__file__).parent\n" + "\n".join(lines)
    text += f"\ndef pipeline():\n    p = ws.Pipeline('readers')\n{steps}"
    (project.path / "readers.py").write_text(text)
    files = {}
    for folder in ("data", "package"):
        (project.path / folder).mkdir()
    (project.path / "package/__init__.py").touch()
    for name in READERS:
        folder = "package" if name in {"resources", "pkgutil_"} else "data"
        files[name] = project.path / folder / f"{name}.csv"
        if name != "missing":
            empty = name in {"sqlite", "connect", "run_path"}
            files[name].write_text("" if empty else "a,b\n1,2\n")
    assert project.fresh("readers").pipeline().run().state == "done"
    assert plan(project, "readers") == {}
    before = {name: file.read_text() for name, file in files.items() if file.exists()}
    for file in files.values():
        file.write_text("a,b\n1,3\n")
    expected = {
        name: f"file {file.relative_to(project.path)} {'changed' if name in before else 'added'}"
        for name, file in files.items()
    }
    assert plan(project, "readers") == expected
    for name, file in files.items():
        file.write_text(before[name]) if name in before else file.unlink()
    assert plan(project, "readers") == {}


VARIABLES = """
    import os
    import wingspan as ws

    def item() -> str: return os.environ["ITEM"]
    def got() -> str: return os.environ.get("GOT", "none")
    def getenv() -> str: return os.getenv("GETENV") or ""
    def inside() -> bool: return "INSIDE" in os.environ
    def raw() -> bytes: return os.environb[b"RAW"]
    def default() -> str: return os.environ.setdefault("DEFAULT", "x")
    def expanded() -> str: return os.path.expandvars("$EXPANDED/x")
    def looped() -> str: return "".join(os.environ[name] for name in os.environ if name == "LOOPED")

    def usual() -> list[str]:
        names = ("HOME", "TMPDIR", "USER", "LANG", "LC_ALL", "OMP_NUM_THREADS", "PYTHONPATH", "_CONDOR_SLOT", "WINGSPAN_X")
        return [os.environ.get(name, "") for name in names][:0]

    def own() -> str:
        os.environ["OWN"] = "1"
        os.environ.update(OWN2="2")
        return os.environ["OWN"] + os.environ["OWN2"]

    def copied() -> str: return dict(os.environ).get("COPIED", "")
    def by_copy() -> str: return os.environ.copy().get("BY_COPY", "")
    def unpacked() -> str: return {**os.environ}.get("UNPACKED", "")
    def items() -> list[str]: return [value for name, value in os.environ.items() if name.startswith("ITEMS")]
    def keys() -> list[str]: return [name for name in os.environ.keys() if name.startswith("KEYS")]
    def merged() -> str: return (os.environ | {"A": "1"}).get("MERGED", "")

    def given_on() -> int:
        import subprocess
        return subprocess.run(["true"], env=os.environ).returncode

    def by_a_library() -> int:
        import numpy, tempfile
        return len(tempfile.gettempdir()) * 0

    STEPS = [item, got, getenv, inside, raw, default, expanded, looped, usual, own, given_on, by_a_library]
    ALL = [copied, by_copy, unpacked, items, keys, merged]

    def pipeline() -> ws.Pipeline:
        p = ws.Pipeline("variables")
        for step in STEPS + ALL:
            p.step(step)
        return p
"""


def test_every_way_to_ask_for_a_variable_is_seen(project, monkeypatch):
    """The system's, HTCondor's and the job's own are not. Of code that asks for all, each variable counts."""
    project.write(variables=VARIABLES)
    names = {"item": "ITEM", "got": "GOT", "getenv": "GETENV", "inside": "INSIDE", "raw": "RAW"}
    names |= {"default": "DEFAULT", "expanded": "EXPANDED", "looped": "LOOPED"}
    for name in ("ITEM", "GETENV", "RAW", "LOOPED"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("OTHER", "1")
    project.fresh("variables").pipeline().run()
    assert plan(project, "variables") == {}
    for name in (*names.values(), "OTHER", "OWN", "OWN2", "LC_ALL", "WINGSPAN_X", "_CONDOR_SLOT"):
        monkeypatch.setenv(name, "2")
    was_set = {"item", "getenv", "raw", "looped"}
    why = plan(project, "variables")
    of_all = {
        step: why.pop(step)
        for step in ("copied", "by_copy", "unpacked", "items", "keys", "merged", "looped")
    }
    assert all("changed" in reason for reason in of_all.values())
    assert why == {
        step: f"variable {name} {'changed' if step in was_set else 'set'}"
        for step, name in names.items()
        if step != "looped"
    }
    for name in ("ITEM", "GETENV", "RAW"):
        monkeypatch.delenv(name)
    assert plan(project, "variables")["item"] == "variable ITEM unset"


def test_a_new_variable_runs_what_asks_for_all_of_them(project, monkeypatch):
    project.write(
        loans="""
        import os
        import wingspan as ws
        def rates() -> dict[str, str]: return {n: v for n, v in os.environ.items() if n.startswith("RATE_")}
        def pipeline() -> ws.Pipeline:
            p = ws.Pipeline("loans")
            p.step(rates)
            return p
    """
    )
    assert project.fresh("loans").pipeline().run()["rates"] == {}
    monkeypatch.setenv("VSCODE_WINDOW", "3")  # differs from one terminal to the next
    assert plan(project) == {}
    monkeypatch.setenv("RATE_A", "5")
    assert plan(project) == {"rates": "other environment variables are set"}
    assert project.fresh("loans").pipeline().run()["rates"] == {"RATE_A": "5"}
    assert plan(project) == {}
    monkeypatch.setenv("RATE_A", "6")
    assert plan(project) == {"rates": "variable RATE_A changed"}


WHETHER = """
    import glob, os, shutil
    from pathlib import Path
    import wingspan as ws
    HERE = Path(__file__).resolve().parent

    def path_exists() -> bool: return (HERE / "flag").exists()
    def is_file() -> bool: return (HERE / "flag").is_file()
    def os_exists() -> bool: return os.path.exists(HERE / "flag")
    def isfile() -> bool: return os.path.isfile(f"{HERE}/flag")
    def lexists() -> bool: return os.path.lexists(HERE / "flag")
    def access() -> bool: return os.access(HERE / "flag", os.R_OK)
    def globbed() -> list[str]: return glob.glob(str(HERE / "flag"))
    def raised() -> str:
        try:
            os.stat(HERE / "flag")
        except FileNotFoundError:
            return "none"
        return "there"
    def size() -> int: return os.path.getsize(HERE / "data")
    def stat_size() -> int: return (HERE / "data").stat().st_size
    def updated() -> str: return open(HERE / "data", "r+").read()
    def low() -> bytes: return os.read(os.open(HERE / "data", os.O_RDWR), 9)
    def waits() -> int:
        import threading
        asked = 0
        while not (HERE / "comes").exists():
            asked += 1
            if asked == 1:
                threading.Timer(0.05, lambda: os.system(f"touch {HERE}/comes")).start()
        return asked > 0
    def content() -> str: return (HERE / "data").read_text() if (HERE / "data").exists() else ""

    def own() -> bool:
        (HERE / "made").mkdir(exist_ok=True)
        os.makedirs(HERE / "made/deep", exist_ok=True)
        (HERE / "made/x").write_text("x")
        with open(HERE / "made/x", "r+") as file:
            file.write(file.read() + "y")
        shutil.copy2(HERE / "made/x", HERE / "made/y", follow_symlinks=False)
        return (HERE / "made/x").exists() and Path("here").exists()

    def pipeline() -> ws.Pipeline:
        p = ws.Pipeline("whether")
        for step in (waits, path_exists, is_file, os_exists, isfile, lexists, access, globbed, raised, size, stat_size, updated,
                     low, content, own):
            p.step(step)
        return p
"""


def test_a_question_whether_a_file_is_there_is_a_read(project):
    """Or how large it is; its content counts where it is read, also by what may write it."""
    project.write(whether=WHETHER)
    (project.path / "data").write_text("12")
    whether = {
        "path_exists",
        "is_file",
        "os_exists",
        "isfile",
        "lexists",
        "access",
        "globbed",
        "raised",
    }
    run = project.fresh("whether").pipeline().run()
    assert run["size"], run["updated"] == (2, "12")
    assert plan(project, "whether") == {}
    (project.path / "flag").write_text("")
    assert plan(project, "whether") == dict.fromkeys(whether, "file flag added")
    assert project.fresh("whether").pipeline().run()["path_exists"] is True
    (project.path / "flag").write_text("longer")  # one of them asked for its size
    (project.path / "data").write_text("13")
    assert set(plan(project, "whether")) == {"raised", "updated", "low", "content"}
    (project.path / "data").write_text("123")
    sized = {"size", "stat_size"}
    assert set(plan(project, "whether")) == {"raised", "updated", "low", "content", *sized}
    (project.path / "flag").unlink()
    (project.path / "data").write_text("12")
    assert plan(project, "whether") == {}


APART = """
    import os, tempfile
    from pathlib import Path
    import wingspan as ws
    import helper

    HERE = Path(__file__).parent

    def declared(path: Path, folder: Path) -> str:
        return path.resolve().read_text() + (folder.resolve() / "inner.txt").read_text() + path.read_text()

    def written() -> str:
        (HERE / "cache.txt").write_text("x")
        (HERE / "log.txt").open("a").write("x")
        os.rename(HERE / "log.txt", HERE / "moved.txt")
        return (HERE / "cache.txt").read_text() + (HERE / "moved.txt").read_text()

    def far(path: str) -> str:
        return Path(path).read_text()

    def own() -> str:
        Path("here.txt").write_text("x")
        return Path("here.txt").read_text() + tempfile.NamedTemporaryFile().name[:0]

    def code() -> int:
        import inspect
        return len(inspect.getsource(helper)) * 0 + helper.one()

    def pipeline(far_away: str) -> ws.Pipeline:
        p = ws.Pipeline("apart")
        p.step(declared, HERE / "in.txt", HERE / "data")
        p.step(written)
        p.step(far, far_away)
        p.step(own)
        p.step(code)
        return p
"""


def test_what_is_declared_written_or_not_of_the_project_is_no_such_read(project, tmp_path):
    """Nothing of this is recorded: inputs, the job's own files, code, what lies elsewhere."""
    project.write(apart=APART, helper="def one() -> int: return 1\n")
    (project.path / "in.txt").write_text("in")
    (project.path / "data").mkdir()
    (project.path / "data/inner.txt").write_text("in")
    (tmp_path / "far.txt").write_text("far")
    module = project.fresh("apart")
    run = module.pipeline(str(tmp_path / "far.txt")).run()
    assert run.state == "done"
    assert Store(run.home.store).reads.entries() == []


def test_modules_of_wingspan_in_the_project_are_no_data(tmp_path):
    package = Path(ws.__file__).parent
    recorder = Recorder()
    project = {"project": str(package.parents[1])}
    recorder.begin({"action": project, "files": [], "code": ["loans"]}, str(tmp_path))
    recorder.opened(package / "store" / "arrays.py")
    assert recorder.found() == {}
    recorder.begin({"action": project, "files": [], "code": ["loans"]}, str(tmp_path))
    recorder.opened(package.parents[1] / "README.md")
    assert "README.md" in recorder.found()["files"]


def test_a_listing_of_a_folder_is_a_read_of_its_names(project):
    """A new name runs the step, new content of a file does not."""
    project.write(
        lists="""
        import os
        from pathlib import Path
        import wingspan as ws
        HERE = Path(__file__).parent
        def listed() -> list[str]: return sorted(os.listdir(HERE / "data"))
        def globbed() -> list[str]: return sorted(path.name for path in (HERE / "data").glob("*.csv"))
        def walked() -> list[str]: return [name for _, _, names in os.walk(HERE / "data") for name in names]
        def imported() -> str:
            import importlib.metadata
            return str(len(list(importlib.metadata.distributions())) * 0)
        def pipeline():
            p = ws.Pipeline("lists")
            for step in (listed, globbed, walked, imported):
                p.step(step)
            return p
        """
    )
    (project.path / "data").mkdir()
    (project.path / "data/a.csv").write_text("1")
    project.fresh("lists").pipeline().run()
    (project.path / "data/a.csv").write_text("2")
    assert plan(project, "lists") == {}
    (project.path / "data/b.csv").write_text("1")
    reason = "folder data/ changed"
    assert plan(project, "lists") == {"listed": reason, "globbed": reason, "walked": reason}


def test_an_edit_while_the_step_runs_is_noticed(project):
    """What was read is not what is there at the end: no later content is equal to it."""
    project.write(
        edits="""
        import subprocess
        from pathlib import Path
        import wingspan as ws
        HERE = Path(__file__).parent
        def edited() -> str:
            text = (HERE / "a.txt").read_text()
            subprocess.run(["sh", "-c", f"sleep 0.02; printf new > {HERE / 'a.txt'}"], check=True)
            return text
        def pipeline():
            p = ws.Pipeline("edits")
            p.step(edited)
            return p
        """
    )
    (project.path / "a.txt").write_text("old")
    assert project.fresh("edits").pipeline().run()["edited"] == "old"
    assert plan(project, "edits") == {"edited": "file a.txt changed"}


def test_a_lost_index_is_made_again(loans):
    """From the results; and so is one that was damaged. A torn last line loses no other."""
    loans.fresh("loans").pipeline().run()
    (loans.path / "cfg.json").write_text('{"x": "b"}')
    index = Store(loans.path / ".wingspan/store").reads
    whole = sorted(index.entries())
    assert len(whole) == 3
    lines = index.path.read_bytes().splitlines(keepends=True)
    for content in (None, b"", b"".join([*lines[:2], b'{"key": "torn']), b"\xff\n[]\n"):
        index.path.unlink()
        if content:
            index.path.write_bytes(content)
        assert sorted(index.entries(), key=repr) == sorted(whole, key=repr)
        assert list(plan(loans)) == ["first", "second", "third"]


def test_two_lines_of_one_key_are_settled_by_the_result(loans):
    """Of two runs that computed a step at once, one was published."""
    loans.fresh("loans").pipeline().run()
    index = Store(loans.path / ".wingspan/store").reads
    first = index.entries()[0]
    index.add(first.key, first.step, {"env": {"RATE": "another"}})
    assert index.entries()[0] == first
    assert plan(loans) == {}
    index.prune({first.key})
    assert index.entries() == [first]


def test_a_result_that_an_interrupted_run_left_is_not_used_for_other_content(loans, monkeypatch):
    """It was computed, but never published, when the variable had another value."""
    run = loans.fresh("loans").pipeline().prepare()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wingspan.store.store.Store.publish", interrupt)
        with pytest.raises(KeyboardInterrupt):
            drive(run.folder, run.home, ignore)
    monkeypatch.setenv("RATE", "7")
    assert loans.fresh("loans").pipeline().run()["first"] == "a 7"


def interrupt(*_):
    raise KeyboardInterrupt


def test_the_project_of_a_step(tmp_path):
    """The nearest marked folder above the code, else the one that has the results, else the code's own."""
    home = tmp_path / "p/.wingspan"
    code = tmp_path / "p/src/package"
    code.mkdir(parents=True)
    assert project_of(str(code), str(tmp_path / "elsewhere/.wingspan")) == str(code)
    assert project_of(str(code), str(home)) == str(tmp_path / "p")
    (tmp_path / "p/src/pyproject.toml").touch()
    project_of.cache_clear()
    assert project_of(str(code), str(home)) == str(tmp_path / "p/src")
    assert project_of("/usr/lib/python3/site-packages", str(home)) == ""


def test_a_notebooks_function_is_seen_too(project, monkeypatch):
    """Its project is the folder that the notebook was started in."""
    monkeypatch.setenv("RATE", "5")
    (project.path / "cfg.json").write_text("1")
    cell = """
    def asks(path: str) -> str:
        import os
        return open(path).read() + os.environ["RATE"]
    """
    namespace = {"__name__": "__main__", "__builtins__": __builtins__}
    name = "<ipython-input-1-abc>"
    text = textwrap.dedent(cell)
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    exec(compile(text, name, "exec"), namespace)  # noqa: S102 - a cell
    p = ws.Pipeline("notebook")
    p.step(namespace["asks"], str(project.path / "cfg.json"))
    p.run()
    assert p.plan().steps[0].done
    (project.path / "cfg.json").write_text("2")
    monkeypatch.setenv("RATE", "6")
    assert p.plan().steps[0].reason == "file cfg.json changed, variable RATE changed"


AS_BEFORE = """
    import os, pickle, shutil, tempfile, threading
    from pathlib import Path
    import wingspan as ws

    class Reader:
        opener = open
        lister = os.listdir

    def same() -> list[str]:
        Path("a.txt").write_text("x")
        text = Reader().opener("a.txt").read()
        for function in (open, os.open, os.stat, os.lstat, os.listdir, os.access, os.mkdir, os.remove):
            assert pickle.loads(pickle.dumps(function)) is function
        assert os.stat in os.supports_follow_symlinks and os.open in os.supports_dir_fd
        assert Reader().lister(".") == ["a.txt"]
        shutil.copy("a.txt", "b.txt")
        os.replace("b.txt", "c.txt")
        found = []
        thread = threading.Thread(target=lambda: found.append(Path("c.txt").read_text()))
        thread.start()
        thread.join()
        return [text, *found]

    def fails() -> str:
        try:
            return (Path(__file__).parent / "nowhere.txt").read_text()
        except OSError as error:
            raise ValueError("told") from error

    def pipeline() -> ws.Pipeline:
        p = ws.Pipeline("before")
        p.step(same)
        p.step(fails)
        return p
"""


def test_the_functions_that_note_are_not_noticed(project):
    """They behave as Python's own, and stand in no traceback."""
    project.write(before=AS_BEFORE)
    run = project.fresh("before").pipeline().run(check=False)
    assert run["same"] == ["x", "x"]
    told = run.report("fails")
    assert "ValueError: told (" in told
    assert "nowhere.txt" in told
    assert "/runner/" not in told.partition("inputs:")[0]


def test_an_earlier_result_is_adopted_only_if_what_it_read_is_the_same(loans):
    """Early cut-off: an edited step gives the same bytes, its readers do not run unless what they read has changed."""
    loans.fresh("loans").pipeline().run()
    text = (loans.path / "loans.py").read_text()
    edited = text.replace("def first() -> str:\n", "def first() -> str:\n    unused = 1\n")
    (loans.path / "loans.py").write_text(edited)
    run = loans.fresh("loans").pipeline().run()
    assert (ran(run), run["third"]) == (["first"], "A 5 2")
    assert plan(loans) == {}
    (loans.path / "data.csv").write_text("a,b\n1,4\n")
    assert list(plan(loans)) == ["second", "third"]
    (loans.path / "loans.py").write_text(edited.replace("unused = 1", "unused = 2"))
    run = loans.fresh("loans").pipeline().run()
    assert (ran(run), run["third"]) == (["first", "second", "third"], "A 5 4")

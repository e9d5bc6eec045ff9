"""What tests share: a private pool of real HTCondor daemons, one per test process, for whoever asks for it."""

import importlib
import linecache
import os
import shutil
import subprocess
import sys
import textwrap
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from wingspan.accesspoint.jobs import query, remove
from wingspan.errors import WingspanError
from wingspan.pool.install import install
from wingspan.pool.personal import start_pool, stop_pool
from wingspan.runner.started import COMMAND

DRILL = ("scenario", "seconds until the user sees the true cause", "human action needed")
ACCESS_POINT = Path(__file__).parent / "contracts" / "access_point"
POOLS = Path("/var/tmp")  # DAGMan refuses to work under /tmp
# Several test processes share the cores: OpenMP's threads would wait for one another by spinning. Jobs have their own.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "scenario(what, action): a line of the failure drill's table"
    )


def pytest_terminal_summary(terminalreporter):
    """Print the table of the failure drill's scenarios that were run, in the tests' order."""
    rows = {}
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.stats.get(outcome, []):
            told = dict(getattr(report, "user_properties", []))
            if "scenario" in told and (report.when == "call" or outcome != "passed"):
                seconds = told.get("seconds", "not seen") if outcome == "passed" else outcome
                rows[report.nodeid] = (told["order"], told["scenario"], seconds, told["action"])
    if rows:
        terminalreporter.write_sep("=", "failure drill")
        for _, *row in [("", *DRILL), ("", "---", "---", "---"), *sorted(rows.values())]:
            terminalreporter.write_line(f"| {' | '.join(row)} |")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Measure no coverage in tests of many examples, which it makes twice as long; others cover the same lines."""
    if not getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
        return (yield)
    measuring = sys.gettrace()
    sys.settrace(None)
    try:
        return (yield)
    finally:
        sys.settrace(measuring)


def clear_abandoned():
    """Stop and remove pools of test processes that were killed."""
    for folder in POOLS.glob(f"wingspan-pool-tests-{os.getuid()}-*"):
        if not Path("/proc", folder.name.split("-")[4]).exists():
            for record in folder.glob("*/pool.json"):
                stop_pool(record.parent)
            shutil.rmtree(folder, ignore_errors=True)


def remove_at_last(folder):
    """Remove a folder in which a process that is just ending may still write."""
    end = time.monotonic() + 10
    while True:
        try:
            return shutil.rmtree(folder)
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


@pytest.fixture(autouse=True)
def no_command():
    """Forget the command that a test has run in this process: runs of later tests would keep it as theirs."""
    yield
    COMMAND.set(())


@pytest.fixture(autouse=True)
def no_modules(request):
    """Forget the modules that a test has imported from its own folder: a later test has others of the same names."""
    yield
    folder = request.node.funcargs.get("tmp_path")
    for name, module in list(sys.modules.items()) if folder else ():
        place = getattr(module, "__file__", None) or str(getattr(module, "__path__", ""))
        if f"{folder}{os.sep}" in place:
            del sys.modules[name]


@pytest.fixture(scope="session")
def daemons():
    """Give HTCondor's daemons, installed once for the machine's user."""
    try:
        return install()
    except WingspanError as error:
        pytest.skip(f"NO POOL, so what needs real HTCondor daemons is not tested: {error}")


@pytest.fixture(scope="session")
def pool_parent():
    """Give a new folder outside /tmp, removed at the end, that may hold pools."""
    clear_abandoned()
    folder = POOLS / f"wingspan-pool-tests-{os.getuid()}-{os.getpid()}"
    folder.mkdir()
    yield folder
    remove_at_last(folder)


@pytest.fixture(scope="session")
def pool(daemons, pool_parent):
    """Give a `Pool` that runs, with this process's environment set to it; jobs of several tests share it."""
    running = start_pool(pool_parent / "pool", cpus=8, memory_mb=16384, daemons=daemons)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in running.environment.items():
            patch.setenv(name, value)
        yield running
    running.stop()


@pytest.fixture
def small_pool(tmp_path, monkeypatch):
    """Give the folder of a pool without daemons: see contracts/access_point. DAGs really run, in a second or two."""
    folder = tmp_path / "pool"
    (folder / "queue").mkdir(parents=True)
    (folder / "condor_config").touch()
    monkeypatch.setenv("CONDOR_CONFIG", str(folder / "condor_config"))
    monkeypatch.setenv("PYTHONPATH", str(ACCESS_POINT))
    monkeypatch.syspath_prepend(str(ACCESS_POINT))
    monkeypatch.delitem(sys.modules, "htcondor2", raising=False)
    yield folder
    for ad in query("JobUniverse == 7", ["ClusterId"]):
        remove(str(ad["ClusterId"]), "the test is over")
    # Real daemons may come next. Bindings that were there before come back.
    sys.modules.pop("htcondor2", None)


@pytest.fixture
def job_folder(pool, request):
    """Give a new folder outside /tmp, where the files of jobs and DAGs may lie."""
    folder = pool.folder / "tests" / request.node.name.replace("/", "_")
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def wait_until():
    """Give a function that waits until a condition holds, and fails if it does not within some seconds."""

    def wait(condition, within_s=30.0):
        deadline = time.monotonic() + within_s
        while not (found := condition()):
            assert time.monotonic() < deadline, f"not within {within_s} s: {condition}"
            time.sleep(0.05)
        return found

    return wait


@pytest.fixture
def run_notebook():
    """Give a function that runs a notebook in an empty folder and returns the text of each output, in order."""
    jupytext, nbclient = pytest.importorskip("jupytext"), pytest.importorskip("nbclient")

    def run(file, folder, **environment):
        notebook = jupytext.read(file)
        tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        where = {"metadata": {"path": str(folder)}}
        client = nbclient.NotebookClient(
            notebook, timeout=300, kernel_name="python3", resources=where
        )
        client.execute(env={**os.environ, "PATH": tools, "COLUMNS": "100", **environment})
        outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
        return [one.get("text") or one.get("data", {}).get("text/plain", "") for one in outputs]

    return run


@pytest.fixture
def small_disk():
    """Give a context manager that mounts a small disk on a folder; skips where that is not allowed."""

    @contextmanager
    def mounted(folder, size, **options):
        folder.mkdir(parents=True, exist_ok=True)
        given = ",".join([f"size={size}", *(f"{name}={value}" for name, value in options.items())])
        words = ["mount", "-t", "tmpfs", "-o", given, "tmpfs", str(folder)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"NO SMALL DISK can be mounted, so a full one is not tested: {done.stderr}")
        try:
            yield folder
        finally:
            subprocess.run(["umount", "-l", str(folder)], check=True)

    return mounted


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Write files of a user's project and import from there."""
    root = tmp_path / "project"
    root.mkdir()
    monkeypatch.chdir(root)
    monkeypatch.syspath_prepend(str(root))
    monkeypatch.delenv("WINGSPAN_HOME", raising=False)
    # An edit of the same second and size would be hidden by bytecode.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    before = set(sys.modules)

    class Project:
        path = root

        def write(self, **files):
            for name, text in files.items():
                (root / f"{name}.py").write_text(textwrap.dedent(text))

        def fresh(self, name):
            """Import a module of the project as a new process would."""
            for module in set(sys.modules):
                file = getattr(sys.modules[module], "__file__", None) or ""
                here = (root / f"{module}.py").exists() or (root / module).is_dir()
                if here or (module not in before and file.startswith(str(root))):
                    del sys.modules[module]
            importlib.invalidate_caches()
            linecache.checkcache()
            return importlib.import_module(name)

    return Project()

"""Execution points that have no Python of this machine: all that a job needs was sent, or lies in the shared folder."""

import csv
import http.server
import linecache
import random
import re
import shutil
import subprocess
import sys
import threading
from importlib.util import find_spec
from pathlib import Path

import pytest

import wingspan as ws

pytestmark = [pytest.mark.htcondor, pytest.mark.timeout(900)]
README = Path(__file__).parents[3] / "README.md"
WAYS = ("send", "share")
LIGHT = """
    from typing import NamedTuple
    import numpy as np
    import sortedcontainers
    import wingspan as ws

    class Two(NamedTuple):
        array: np.ndarray
        count: int

    def make(n: int) -> Two:
        return Two(np.arange(n), n)

    def total(array: np.ndarray) -> int:
        return int(array.sum())

    def elsewhere() -> object:
        return sortedcontainers.SortedList()

    def pipeline():
        p = ws.Pipeline("light")
        p.step(total, p.step(make, 4).array)
        return p
"""


@pytest.fixture
def ways(blind, blind_pool, project):
    """Write the profiles of the pool: with file transfer, and with the folder that its machines share; give homes."""
    _, shared = blind_pool
    (project.path / "wingspan.toml").write_text(
        f'[pools.send]\nenvironment = "send"\n[pools.share]\nenvironment = "send"\nshared = "{shared}"\n'
    )
    yield blind
    shutil.rmtree(blind)  # 150 MB and more
    shutil.rmtree(shared / "environments", ignore_errors=True)


def sent_bytes(run):
    """Return what each job was sent, by its own log."""
    text = "".join(log.read_text() for log in run.folder.dags.glob("*/jobs.log"))
    return [int(found) for found in re.findall(r"(\d+)  -  Total Bytes Received By Job", text)]


def wingspan(*words, folder):
    """Run the program; return what it printed."""
    command = [sys.executable, "-m", "wingspan", *map(str, words)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def table(path, rows=200):
    random.seed(1)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["income", "amount", "loan_status"])
        for _ in range(rows):
            income, amount = random.random(), random.random()
            writer.writerow([income, amount, int(income + random.random() / 4 > amount)])


def test_a_step_finds_what_its_file_imports_and_its_types_need(ways, project):
    """Though the step itself uses neither: importing the file, or storing the value, would fail without."""
    project.write(light=LIGHT)
    run = project.fresh("light").pipeline().run("send", home=ways)
    assert run["total"] == 6


@pytest.mark.long
@pytest.mark.parametrize("way", WAYS)
def test_the_pipeline_of_the_readme_runs(ways, project, way):
    """And once its models are done, a reader alone gets what reading them takes."""
    pytest.importorskip("skops", reason="NO SKOPS here, so README's pipeline is not tested")
    code = re.search(r"```python\n(# loans\.py.*?)```", README.read_text(), re.DOTALL)[1]
    (project.path / "loans.py").write_text(code)
    table(project.path / "loans.csv")
    wingspan("run", "loans.py", "--on", way, "--home", ways, folder=project.path)
    shown = wingspan("show", "score", "--home", ways, folder=project.path)
    assert "10.0" in shown
    run = ws.open_run("last", home=ways)
    print("bytes sent to each job:", sent_bytes(run))
    assert max(sent_bytes(run)) < 1_000_000  # the environment was sent once, or lies in the folder
    changed = code.replace("float(model.score(", "1 - float(model.score(")
    (project.path / "loans.py").write_text(changed)
    wingspan("run", "loans.py", "--on", way, "--home", ways, folder=project.path)


@pytest.mark.long
@pytest.mark.parametrize("way", WAYS)
def test_a_table_is_trained_on(ways, project, way):
    table(project.path / "loans.csv")
    words = ("train", "loans.csv", "--target", "loan_status", "--on", way, "--home", ways)
    assert "loan_status/1" in wingspan(*words, folder=project.path)


@pytest.mark.long
@pytest.mark.parametrize("way", WAYS)
def test_a_script_runs_with_the_libraries_that_it_imports(ways, project, way):
    """``python`` is this environment's; its script is read for what it imports."""
    script = (
        "import sortedcontainers, sys\nprint(sortedcontainers.SortedList([2, 1]), sys.executable)\n"
    )
    (project.path / "train.py").write_text(script)
    said = wingspan(
        "exec", "--on", way, "--home", ways, "--", "python", "train.py", folder=project.path
    )
    assert "SortedList([1, 2])" in said


@pytest.mark.long
@pytest.mark.parametrize("way", WAYS)
def test_a_function_of_a_notebook_runs(ways, project, way):
    pytest.importorskip("pandas", reason="NO PANDAS here, so frames of a notebook are not tested")
    text = "def frame(n: int) -> 'pd.DataFrame':\n    return pd.DataFrame({'a': range(n)})\n"
    linecache.cache["<cell 7>"] = (len(text), None, text.splitlines(True), "<cell 7>")
    import pandas as pd

    namespace = {"__name__": "__main__", "pd": pd}
    exec(compile(text, "<cell 7>", "exec"), namespace)  # noqa: S102 - as a notebook does
    p = ws.Pipeline("cells")
    p.step(namespace["frame"], 3)
    assert list(p.run(way, home=ways)["frame"]["a"]) == [0, 1, 2]


@pytest.mark.long
def test_the_environment_is_fetched_from_a_staging_folder(ways, project):
    """Written there once, and fetched from its URL by the machine of each job: none of it passes the access point."""
    asked, staging = [], ways / "staging"
    staging.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(staging))

        def log_message(self, *args):
            asked.append(str(args[1]))

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        with (project.path / "wingspan.toml").open("a") as file:
            file.write(
                f'[pools.url]\nenvironment = "send"\nstaging = {{ "{staging}" = "{url}" }}\n'
            )
        project.write(light=LIGHT)
        run = project.fresh("light").pipeline().run("url", home=ways, fuse=False)
        server.shutdown()
    assert run["total"] == 6
    (archive,) = (staging / "wingspan-environments").iterdir()
    assert asked.count(f"GET /wingspan-environments/{archive.name} HTTP/1.1") == 2
    assert (
        f"{url}/wingspan-environments/{archive.name}"
        in next(run.folder.dags.glob("1/workflow.dag")).read_text()
    )
    print("bytes sent to each job:", sent_bytes(run))
    assert not list((run.folder.dags / "1").glob(archive.name))


HEAVY = {
    "torch": """
        import torch

        def fit(n: int) -> dict[str, torch.Tensor]:
            return torch.nn.Linear(n, 1).state_dict()

        def use(made: dict[str, torch.Tensor]) -> int:
            return len(made["weight"][0])
    """,
    "xgboost": """
        import numpy as np
        import xgboost

        def fit(n: int) -> xgboost.XGBClassifier:
            return xgboost.XGBClassifier(n_estimators=2).fit(np.eye(n), np.arange(n) % 2)

        def use(made: xgboost.XGBClassifier) -> int:
            return len(made.predict(np.eye(3)))
    """,
}


@pytest.mark.long
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("library", HEAVY)
def test_models_of_large_libraries_are_made_and_read(ways, project, library, way):
    if find_spec(library) is None:
        pytest.skip(f"NO {library.upper()} here, so its models on a pool are not tested")
    project.write(heavy=HEAVY[library])
    heavy = project.fresh("heavy")
    p = ws.Pipeline("heavy")
    p.step(heavy.use, p.step(heavy.fit, 3, resources=ws.Resources(disk="6GB", memory="2GB")))
    run = p.run(way, home=ways, fuse=False)
    assert run["use"] == 3
    print("bytes sent to each job:", sent_bytes(run))

"""Input files below a staging folder are fetched by the machines that run jobs; they never pass the access point."""

import http.server
import re
import shutil
import threading
from pathlib import Path

import pytest

from wingspan.errors import SettingError
from wingspan.runner.htcondor.export import export
from wingspan.runner.htcondor.profile import Profile, find_profile
from wingspan.runner.htcondor.reference import require_own_names, url_of
from wingspan.runner.run_folder import Home, RunFolder

STAGING = {Path("/staging"): "osdf:///all/", Path("/staging/ann"): "osdf:///ann"}


def file(path):
    return {"path": path, "name": Path(path).name, "digest": f"blake2b-256:{'0' * 64}"}


def test_a_file_below_a_folder_has_a_url():
    """That of the innermost folder; others have none, and are sent."""
    assert url_of(file("/staging/ann/a/b.csv"), STAGING) == "osdf:///ann/a/b.csv"
    assert url_of(file("/staging/bob/b.csv"), STAGING) == "osdf:///all/bob/b.csv"
    assert url_of(file("/stagings/b.csv"), STAGING) is None


def test_what_cannot_be_passed_so_is_refused(tmp_path):
    """A folder, names that a URL writes in another way, and two files of one name in a job."""
    (tmp_path / "inner").mkdir()
    with pytest.raises(SettingError, match="it is a folder"):
        url_of(file(str(tmp_path / "inner")), {tmp_path: "osdf:///a"})
    with pytest.raises(SettingError, match="letters, digits"):
        url_of(file("/staging/my data.csv"), STAGING)
    with pytest.raises(SettingError, match="the name of another input"):
        url_of({**file("/staging/a.csv"), "name": "_a.csv"}, STAGING)
    require_own_names(
        "n", ["osdf:///x/a", "osdf:///x/b", "../files/x.a", "../files/y.a", "osdf:///x/a"]
    )
    with pytest.raises(
        SettingError, match="job n: osdf:///x/a and osdf:///y/a would have the same name"
    ):
        require_own_names("n", ["osdf:///x/a", "osdf:///y/a"])


def test_the_profile_names_the_folders(tmp_path):
    """A folder with an absolute path, and a URL."""
    text = tmp_path / "wingspan.toml"
    text.write_text('[pools.p]\nstaging = { "/staging/ann" = "osdf:///ann" }\n')
    assert find_profile("p", tmp_path).staging == {Path("/staging/ann"): "osdf:///ann"}
    for wrong in ('"/a" = "b"', '"a" = "osdf:///b"', '"/a" = 1', '"/a" = "osdf:///a,b"'):
        text.write_text(f"[pools.p]\nstaging = {{ {wrong} }}\n")
        with pytest.raises(SettingError, match="staging: expected"):
            find_profile("p", tmp_path)


READERS = """
    from pathlib import Path
    import wingspan as ws

    def read(path: Path, other: Path) -> int:
        return int(path.read_text()) + int(other.read_text())

    def pipeline(*pairs: tuple[Path, Path]) -> ws.Pipeline:
        p = ws.Pipeline("readers")
        short = ws.Resources(expected="1s")
        for number, (path, other) in enumerate(pairs):
            p.step(read, path, other, name=f"read{number}", resources=short)
        return p
"""


@pytest.fixture
def staged(project, tmp_path):
    """Give the module, and two folders, each with a file of the same name."""
    project.write(readers=READERS)
    for name, text in (("here", "1"), ("there", "20")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "n.txt").write_text(text)
    return project.fresh("readers"), tmp_path / "here", tmp_path / "there"


@pytest.mark.parametrize("with_shared", [False, True])
def test_the_dag_names_the_url(staged, tmp_path, with_shared):
    """In the job's list of transfers, also beside a shared folder; what lies elsewhere is passed as ever."""
    module, _, there = staged
    (tmp_path / "x.txt").write_text("3")
    shared = tmp_path if with_shared else None
    profile = Profile(staging={there: "osdf:///ann"}, shared=shared)
    plan = module.pipeline((there / "n.txt", tmp_path / "x.txt")).plan(tmp_path / "home")
    dag = export(plan, RunFolder(tmp_path / "run"), Home(tmp_path / "home"), profile)
    (given,) = re.findall(r'inputs="(.*?)"', dag.read_text())
    assert re.fullmatch(
        r"osdf:///ann/n.txt" if with_shared else r"osdf:///ann/n.txt,../files/\w{16}.x.txt", given
    )


@pytest.mark.htcondor
@pytest.mark.long
def test_a_machine_fetches_the_file_itself(staged, job_folder):
    """From a server, checked by its digest; files of one name from here go to one job beside it."""
    module, here, there = staged
    asked, served = [], job_folder / "served"

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(served))

        def log_message(self, *args):
            asked.append(args[1])

    (there / "large.txt").write_text("300" + " " * 3_000_000)
    (there / "n.txt").rename(here.parent / "n.txt")
    shutil.copytree(there, served)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        Path("wingspan.toml").write_text(f'[pools.p]\nstaging = {{ "{there}" = "{url}" }}\n')
        pairs = (here / "n.txt", there / "large.txt"), (here.parent / "n.txt", there / "large.txt")
        run = module.pipeline(*pairs).run("p", home=job_folder / "home", check=False)
        assert {name: event.problem for name, event in run.events.items()} == {
            "read0": "",
            "read1": "",
        }
        assert (run["read0"], run["read1"]) == (301, 320)
        dag = next(run.folder.dags.glob("1/workflow.dag")).read_text()
        assert dag.count("\nJOB ") == 1
        (there / "large.txt").write_text("301")  # what the machine fetches is still the old one
        changed = module.pipeline((here / "n.txt", there / "large.txt"))
        run = changed.run("p", home=job_folder / "home", check=False)
        assert "was changed after the plan was made" in run.events["read0"].problem
        server.shutdown()
    assert "GET /large.txt HTTP/1.1" in asked

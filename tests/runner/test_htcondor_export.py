"""A plan exported as a DAG is what HTCondor runs; its results and tracebacks come back through the same code."""

import itertools
import json
import re
import subprocess
import time
from types import SimpleNamespace

import pytest

import wingspan as ws
from wingspan.errors import DeclarationError, SettingError, StepFailedError
from wingspan.runner.htcondor.export import export
from wingspan.runner.htcondor.follow.exported import collect
from wingspan.runner.htcondor.profile import Profile
from wingspan.runner.htcondor.write.dag_file import _edges, submission_in
from wingspan.runner.htcondor.write.submit_description import submit_description
from wingspan.runner.plan_file import load_plan
from wingspan.runner.run import Run
from wingspan.runner.run_folder import Home, RunFolder

STEPS = """
    from pathlib import Path
    from typing import NamedTuple
    import wingspan as ws

    class Parts(NamedTuple):
        small: list[int]
        large: list[int]

    def load(path: Path) -> Parts:
        numbers = [int(word) for word in path.read_text().split()]
        return Parts(numbers[:2], numbers[2:])

    def total(small: list[int], large: list[int]) -> int:
        print("adding")
        return sum(small) + sum(large)

    def fails(parts: Parts) -> int:
        raise ValueError(f"no good: {len(parts.small)}")

    def pipeline(path: Path = Path("numbers.txt")) -> ws.Pipeline:
        p = ws.Pipeline("thin")
        parts = p.step(load, path)
        p.step(total, parts.small, large=parts.large)
        p.step(fails, parts)
        return p
"""


@pytest.fixture
def thin(project):
    project.write(thin=STEPS)
    (project.path / "numbers.txt").write_text("1 2 3 4")
    return project.fresh("thin").pipeline()


def test_the_dag_says_who_needs_whom(thin, tmp_path):
    """Syntax as in the manual's DAGMan reference: JOB, VARS, PARENT ... CHILD ..."""
    text = export(thin.plan(), RunFolder(tmp_path / "out"), Home(tmp_path / "home")).read_text()
    assert re.search(r"^JOB load-1 request1$", text, re.M)
    assert re.search(r"^PARENT load-1 CHILD total-2 fails-3$", text, re.M)
    key = next(iter(thin.plan().steps)).key
    assert f'VARS total-2 inputs="{key}.json,{key}.small,{key}.large" steps="total"' in text


@pytest.mark.parametrize(("width", "lines"), [(1, 1), (3, 3), (600, 1)])
def test_no_node_of_dagman_s_own_lies_between_few_steps(width, lines):
    """DAGMan puts one between several parents and several children of a line, and it costs each run a cycle."""
    children = [SimpleNamespace(name=f"c{number}", parents=("a", "b")) for number in range(width)]
    found = _edges(children)
    assert len(found) == lines
    edges = {
        (parent, child)
        for line in found
        for parent in line.partition(" CHILD ")[0].split()[1:]
        for child in line.partition(" CHILD ")[2].split()
    }
    assert edges == {(parent, child.name) for parent in ("a", "b") for child in children}


def test_a_request_becomes_submit_commands():
    """Names and units as in the manual's page on condor_submit."""
    asked = ws.Resources(
        cpus=2, memory="1.5GB", gpus=1, gpu_capability=8.0, runtime="1h", submit={"rank": "Mips"}
    )
    text = submit_description(asked)
    for line in (
        "request_cpus = 2",
        "request_gpus = 1",
        "gpus_minimum_capability = 8.0",
        "allowed_execute_duration = 3600",
        "rank = Mips",
        "when_to_transfer_output = ON_EXIT",
    ):
        assert f"  {line}\n" in text


def test_a_folder_in_use_is_left_alone(thin, tmp_path):
    """Exporting over other files is refused."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("x")
    with pytest.raises(SettingError, match="expected a new or empty folder"):
        export(thin.plan(), RunFolder(tmp_path / "out"), Home(tmp_path / "home"))


WIDE = """
    import wingspan as ws

    def work(n: int) -> int:
        return n

    def last(numbers: list[int]) -> int:
        return sum(numbers)

    def pipeline() -> ws.Pipeline:
        p = ws.Pipeline("wide")
        small, large = ws.Resources(memory="1GB"), ws.Resources(memory="1500MB", disk="3GB")
        done = p.map(work, over={"n": [1, 2, 3]}, resources=small, max_jobs=2)
        p.step(last, list(done.values()), resources=large)
        return p
"""


@pytest.fixture
def wide(project):
    project.write(wide=WIDE)
    return project.fresh("wide").pipeline()


def exported(pipeline, folder, profile=None, **origin):
    home = Home(folder / "home")
    return export(
        pipeline.plan(home.root), RunFolder(folder / "out"), home, profile, origin
    ).read_text()


def test_a_dag_says_what_it_is_and_how_it_is_submitted(wide, tmp_path):
    """Comments for people: run, command, plan, submission, and the reason of each setting and policy."""
    origin = {"command": "run", "target": "wide.py", "settings": ["a=1 2"]}
    text = exported(wide, tmp_path, **origin)
    begin = text.partition("\n\n")[0].splitlines()
    assert all(line.startswith("# ") for line in begin)
    assert re.match(r"# Run out of the pipeline wide, written by Wingspan \d", begin[0])
    assert begin[1] == "# Command: wingspan run wide.py --set 'a=1 2'"
    assert begin[2] == "# Plan:    plan.jsonl: 4 of 4 steps to run."
    assert begin[3] == "# Submit:  condor_submit_dag -batch-name wide workflow.dag"
    assert submission_in(tmp_path / "out/workflow.dag") == begin[3].partition(":")[2].strip()
    for before, line in itertools.pairwise(text.splitlines()):
        if line.startswith("ENV SET") or line.lstrip().startswith(("periodic_", "on_exit_")):
            assert before.lstrip().startswith("# "), line


def test_nodes_that_differ_in_amounts_share_one_description(wide, tmp_path):
    """Memory and disk are each node's own VARS; what stands once is read once."""
    text = exported(wide, tmp_path)
    assert text.count("SUBMIT-DESCRIPTION") == 1
    assert re.search(r'^VARS work_1-1 .* memory_mb="1024" disk_kb="2097152"$', text, re.M)
    assert re.search(r'^VARS last-4 .* memory_mb="1500" disk_kb="3145728"$', text, re.M)
    assert max(map(len, re.findall(r"^  \S+ = .*$", text, re.M))) < 220


def test_a_limit_of_a_map_is_a_category(wide, tmp_path):
    """DAGMan keeps it; a run that is read again from its folder has it too."""
    text = exported(wide, tmp_path)
    assert re.findall(r"^CATEGORY (\S+) work$", text, re.M) == ["work_1-1", "work_2-2", "work_3-3"]
    assert text.endswith("MAXJOBS work 2\n")
    assert load_plan(RunFolder(tmp_path / "out")).limits == {"work": 2}


def test_tasks_that_may_be_given_back_have_nodes_that_dagman_may_skip(project, tmp_path):
    """Each waits for the job that may run it first; whoever needs the task waits for the node."""
    made = WIDE.replace("[1, 2, 3]", "list(range(40))").replace(", max_jobs=2", "")
    project.write(many=made.replace('"wide"', '"many"'))
    pipeline = project.fresh("many").pipeline()
    home, folder = Home(tmp_path / "home"), RunFolder(tmp_path / "out")
    plan = pipeline.plan(home.root, on="htcondor")
    text = export(plan, folder, home).read_text()
    assert len(plan.groups) == 21
    assert text.count("\nJOB ") == 41
    key = plan["work[1]"].key
    assert f"SCRIPT PRE work_1-2 unless_done.sh {key}\nPRE_SKIP work_1-2 1\n" in text
    assert "PARENT work_0-1 CHILD work_1-2\n" in text
    assert re.search(r"^PARENT work_0-1 work_1-2 .* CHILD last-41$", text, re.MULTILINE)
    job = json.loads((folder.root / "jobs/work_0-1.json").read_text())
    assert job["tasks"] == [[plan["work[0]"].key], [key]]
    assert load_plan(folder).tasks == plan.tasks
    script = folder.root / "unless_done.sh"
    done = [subprocess.run([script, key], cwd=folder.root, check=False).returncode]
    (folder.root / "results" / f"{key}.json").touch()
    done.append(subprocess.run([script, key], cwd=folder.root, check=False).returncode)
    assert done == [0, 1]


def test_a_profile_sets_how_many_jobs_wait_how_urgent_they_are_and_who_is_told(wide, tmp_path):
    """All of it stands in the file, so a DAG that is submitted by hand has it."""
    profile = Profile(max_jobs=50, max_idle=7, priority=3, notify="ann@example.edu")
    text = exported(wide, tmp_path, profile)
    assert "ENV SET _CONDOR_DAGMAN_MAX_JOBS_SUBMITTED=50\n" in text
    assert "ENV SET _CONDOR_DAGMAN_MAX_JOBS_IDLE=7\n" in text
    assert "PRIORITY ALL_NODES 3\n" in text
    assert "-append 'notify_user = ann@example.edu'" in text


def test_an_export_with_nothing_to_run_says_so(wide, tmp_path):
    """DAGMan refuses a DAG without nodes."""
    home = Home(tmp_path / "home")
    wide.run(home=home.root)
    with pytest.raises(SettingError, match="nothing is to run"):
        export(wide.plan(home.root), RunFolder(tmp_path / "out"), home)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("most", [0, -1, 1.5, True, "2"])
def test_a_limit_that_is_no_number_of_jobs_is_refused(most):
    def work(n: int) -> int:
        return n

    with pytest.raises(DeclarationError, match="max_jobs"):
        ws.Pipeline("p").map(work, over={"n": [1]}, max_jobs=most)


@pytest.mark.long
@pytest.mark.htcondor
def test_a_pool_runs_an_exported_pipeline(thin, job_folder):
    """Values come back from the pool, a failing step with its traceback; done steps are not exported again."""
    folder, home = RunFolder(job_folder / "run"), Home(job_folder / "home")
    dag = export(thin.plan(home.root), folder, home)
    done = subprocess.run(
        ["condor_submit_dag", dag.name], cwd=dag.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    finished = dag.with_name(f"{dag.name}.dagman.out")
    for _ in range(300):
        if finished.exists() and "EXITING WITH STATUS" in finished.read_text():
            break
        time.sleep(0.1)
    states = {name: event.state for name, event in collect(folder, home).items()}
    run = Run(folder, home)
    assert states == {"load": "done", "total": "done", "fails": "failed"}, finished.read_text()[
        -3000:
    ]
    assert run["total"] == 10
    assert run["load"].large == [3, 4]
    with pytest.raises(StepFailedError) as told:
        run["fails"]
    assert "ValueError: no good: 2" in str(told.value)
    assert "thin.py" in str(told.value)
    again = export(thin.plan(home.root), RunFolder(job_folder / "again"), home)
    assert again.read_text().count("\nJOB ") == 1


def test_a_job_gets_the_class_of_what_it_reads_though_its_maker_is_done(
    project, tmp_path, run_jobs
):
    """The file that defines it is imported by nobody who is to run; it is in another step's file."""
    project.write(
        maker="""
        from dataclasses import dataclass

        @dataclass
        class Thing:
            n: int

        def make(n: int) -> Thing:
            return Thing(n)
        """,
        reader="""
        from typing import Any

        def use(thing: Any) -> int:
            return thing.n
        """,
    )
    home = Home(tmp_path / "home")

    def pipeline():
        p = ws.Pipeline("classes")
        p.step(project.fresh("reader").use, p.step(project.fresh("maker").make, 3))
        return p

    pipeline().run(home=home.root)
    text = (project.path / "reader.py").read_text()
    project.write(reader=text.replace("thing.n", "thing.n + 1"))
    plan = pipeline().plan(home.root)
    assert [step.name for step in plan.to_run()] == ["use"]
    dag = export(plan, RunFolder(tmp_path / "out"), home)
    run_jobs(dag)
    (result,) = dag.parent.glob(f"results/{plan['use'].key}.value")
    assert result.read_text() == "4"

"""An edited step that gives the same bytes as before stops the work there: its readers take over their earlier results."""

import subprocess
import sys
from dataclasses import replace

import pytest

from wingspan.runner.htcondor.export import export
from wingspan.runner.htcondor.follow.exported import collect
from wingspan.runner.htcondor.known import last_results
from wingspan.runner.htcondor.profile import Profile
from wingspan.runner.htcondor.write.folder import Facts, write_dag
from wingspan.runner.plan_file import save_plan
from wingspan.runner.run_folder import Home, RunFolder
from wingspan.store.contents import Contents
from wingspan.store.store import Store

# What its jobs and commands run is covered by other tests.

STEPS = """
    import random
    from pathlib import Path
    from typing import NamedTuple
    import wingspan as ws

    LOG = Path(__file__).with_name("log")

    class Parts(NamedTuple):
        small: list[int]
        large: list[int]

    def count(name: str) -> None:
        with Path(LOG).open("a") as file:
            file.write(f"{name} ")

    def split(n: int) -> Parts:
        count("split")
        return Parts(list(range(n)), list(range(n, 10)))

    def total(numbers: list[int]) -> int:
        count("total")
        return sum(numbers)

    def join(parts: Parts) -> int:
        count("join")
        return sum(parts.small) + sum(parts.large)

    def draw(number: int) -> list[float]:
        count("draw")
        return [random.random(), float(number)]

    def pipeline(n: int = 3) -> ws.Pipeline:
        p = ws.Pipeline("early")
        parts = p.step(split, n)
        small = p.step(total, parts.small)
        p.step(total, parts.large, name="rest")
        p.step(join, parts)
        p.step(draw, small)
        return p
"""
EDITED = ("return Parts(list(range(n)),", "return Parts([*range(n)],")


@pytest.fixture
def early(project):
    """Give a function that writes the pipeline, some text replaced, runs it, and returns the run and the steps called."""
    log = project.path / "log"

    def run(*edits, **settings):
        text = STEPS
        for old, new in edits:
            assert old in text
            text = text.replace(old, new)
        project.write(early=text)
        log.write_text("")
        done = project.fresh("early").pipeline(**settings).run()
        return done, sorted(log.read_text().split())

    return run


def test_readers_of_the_same_bytes_do_not_run(early):
    """Only the edited step runs; its readers, and theirs, are adopted and say so. The next plan is up to date."""
    first, ran = early()
    assert ran == ["draw", "join", "split", "total", "total"]
    second, ran = early(EDITED)
    assert ran == ["split"]
    adopted = {name: event.adopted for name, event in second.events.items() if event.adopted}
    assert adopted == {name: first.steps[name].key for name in ("total", "rest", "join", "draw")}
    assert {second.events[name].note for name in adopted} == {
        "not run: same code, parameters and input bytes as before"
    }
    for name in ("total", "rest", "join", "draw"):
        assert second[name] == first[name]
        assert second.steps[name].key != first.steps[name].key
    assert early(EDITED)[1] == []
    assert not early(EDITED)[0].events["total"].adopted


def test_only_readers_of_other_bytes_run(early):
    """One field of a result is as before, the other is not: each reader sees what it reads."""
    early()
    run, ran = early(("range(n, 10)", "range(n, 11)"))
    assert ran == ["join", "split", "total"]
    assert run["rest"] == sum(range(3, 11))
    assert run.events["total"].adopted
    assert run.events["draw"].adopted
    assert not run.events["rest"].adopted


def test_another_parameter_or_another_code_is_not_adopted(early):
    """A reader that was edited too runs; so does a reader of another value."""
    early()
    assert early(EDITED, ("return sum(numbers)", "return sum(numbers) + 0"))[1] == [
        "split", "total", "total",
    ]  # fmt: skip
    assert "total" in early(n=4)[1]


def test_adopted_results_outlive_those_they_came_from(early, project):
    """Removing what only earlier plans used leaves the adopted results whole; they are found again from there on."""
    first, _ = early()
    second, _ = early(EDITED)
    store = Store(Home(project.path / ".wingspan").store)
    assert list(store.check()) == []
    store.gc({step.key for step in second.steps.values()}, -1.0)
    assert store.done([first.steps["total"].key]) == frozenset()
    assert second["total"] == 3
    assert list(store.check()) == []
    third, ran = early(("return Parts(list(range(n)),", "return Parts(list(range(0, n)),"))
    assert ran == ["split"]
    assert third.events["total"].adopted == second.steps["total"].key


def test_a_result_that_read_other_files_or_variables_is_not_adopted(early, project):
    """What a step read besides its inputs is compared, too; an adopted result is known to have read it."""
    config = project.path / "cfg.json"
    config.write_text("1")
    reads = (
        "return sum(numbers)",
        'return sum(numbers) * int(open(f"{LOG.parent}/cfg.json").read())',
    )
    early(reads)
    assert early(reads, EDITED)[1] == ["split"]
    config.write_text("2")
    run, ran = early(reads, EDITED)
    assert ran == ["draw", "total", "total"]
    assert run["total"] == 6
    other = ("return Parts(list(range(n)),", "return Parts(list(range(0, n)),")
    config.write_text("3")
    run, ran = early(reads, other)
    assert ran == ["draw", "split", "total", "total"]
    assert run["total"] == 9


def test_without_the_index_all_runs(early, project):
    """An index that is lost, or damaged, costs work and nothing else."""
    early()
    index = Home(project.path / ".wingspan").store / "contents.txt"
    index.write_text("torn " + index.read_text()[5:200])
    run, ran = early(EDITED)
    assert ran == ["draw", "join", "split", "total", "total"]
    index.unlink()
    assert run["total"] == 3


def test_a_seed_is_that_of_the_bytes(early, project):
    """What is adopted is what would have been computed: random numbers too."""
    drawn = early()[0]["draw"]
    assert early(EDITED)[0]["draw"] == drawn
    Store(Home(project.path / ".wingspan").store).gc([], -1.0)
    again, ran = early(EDITED)
    assert "draw" in ran
    assert again["draw"] == drawn


def test_the_command_line_tells_adopted_steps_apart(early, project):
    """Each with its reason, and counted at the end; status says it later."""
    early()
    project.write(early=STEPS.replace(*EDITED))
    command = [sys.executable, "-m", "wingspan"]
    told = subprocess.run(
        [*command, "run", "early.py"], cwd=project.path, capture_output=True, text=True, check=True
    ).stderr
    assert "done     join  not run: same code, parameters and input bytes as before" in told
    assert "1 step run, 4 adopted, 0 up to date" in told
    told = subprocess.run(
        [*command, "status"], cwd=project.path, capture_output=True, text=True, check=True
    ).stdout
    assert told.count("not run: same code") == 4


@pytest.mark.parametrize(("fused", "shared"), [(False, False), (True, False), (False, True)])
def test_a_job_on_a_pool_adopts_what_it_was_sent(early, project, run_jobs, fused, shared):
    """A job sees that its inputs are as before, and sends home the earlier result; the store stays whole."""
    early()
    project.write(early=STEPS.replace(*EDITED))
    home, folder = Home(project.path / ".wingspan"), RunFolder(project.path / "run")
    store = Store(home.store)
    plan = project.fresh("early").pipeline().plan()
    if fused:
        plan = replace(plan, groups=(tuple(step.key for step in plan.steps),))
    known = last_results(plan, store)
    assert len(known) == 4
    save_plan(plan, folder, home)
    there = project.path / "shared"
    there.mkdir()
    profile = Profile(shared=there if shared else None)
    dag = write_dag(plan, folder.root, folder, home, profile, send=False, facts=Facts(known=known))
    run_jobs(dag)
    events = collect(folder, home)
    logs = (folder.root / "sandboxes").rglob("log")  # next to the code that came along
    assert [name for log in logs for name in log.read_text().split()] == ["split"]
    assert {name for name, event in events.items() if event.adopted} == {
        "total",
        "rest",
        "join",
        "draw",
    }
    assert {event.state for event in events.values()} == {"done"}
    assert store.load(plan["join"].key, "value") == sum(range(10))
    assert list(store.check()) == []


def test_large_results_and_those_that_read_more_are_not_sent(early, project, monkeypatch):
    """A job computes again what is not worth sending; an exported DAG sends nothing."""
    early()
    project.write(early=STEPS.replace(*EDITED))
    store = Store(Home(project.path / ".wingspan").store)
    plan = project.fresh("early").pipeline().plan()
    monkeypatch.setattr("wingspan.runner.htcondor.known.MOST_BYTES", 10)
    small = {plan[name].key for name in ("total", "rest", "join")}
    assert set(last_results(plan, store)) == small
    dag = export(plan, RunFolder(project.path / "out"), Home(project.path / ".wingspan"))
    assert '"known":{}' in (dag.parent / "jobs" / "total-2.json").read_text()


def test_the_index_keeps_what_is_asked_for(tmp_path):
    """Lines that are not whole count for nothing; the latest key wins; pruning drops what is gone."""
    index = Contents(tmp_path / "contents.txt")
    base, content = "b" * 64, "c" * 64
    assert index.known([base]).key(base, content) == ""
    index.add(base, content, "1" * 64)
    index.add(base, "d" * 64, "2" * 64)
    with (tmp_path / "contents.txt").open("a") as file:
        file.write("torn")
    index.add(base, content, "3" * 64)
    index.add(base, content, "4" * 64)
    known = index.known([base])
    assert known.has(base)
    assert not known.has("e" * 64)
    assert known.key(base, content) == "4" * 64
    index.prune({"2" * 64})
    assert index.known([base]).key(base, content) == ""
    assert index.known([base]).key(base, "d" * 64) == "2" * 64


def test_an_index_that_cannot_be_written_loses_no_result(tmp_path):
    """A full disk, or a folder that may not be written, costs work later and nothing now."""
    index = Contents(tmp_path / "missing" / "contents.txt")
    index.add("b" * 64, "c" * 64, "1" * 64)
    assert index.known(["b" * 64]).key("b" * 64, "c" * 64) == ""

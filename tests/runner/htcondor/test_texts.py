"""Whatever users give, the text of a DAG says it as it is, or it is refused with its name: nothing becomes another line."""

import json
import string
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, example, given, settings

import wingspan as ws
from wingspan.dag.reader import read_dag
from wingspan.errors import DeclarationError, SettingError
from wingspan.pipeline.submit_commands import command_problem
from wingspan.planning.plan import Plan, PlannedStep
from wingspan.runner.htcondor.export import export
from wingspan.runner.htcondor.profile import find_profile
from wingspan.runner.htcondor.reference import sent_name
from wingspan.runner.htcondor.words import argument, folder_problem, in_list
from wingspan.runner.htcondor.write.dag_file import Around, dag_text, label_of
from wingspan.runner.htcondor.write.nodes import nodes_of
from wingspan.runner.htcondor.write.submit_description import submit_description
from wingspan.runner.run_folder import Home, RunFolder, file_name

NASTY = [
    "$(X)",
    "$ENV(HOME)",
    "$$(Memory)",
    "\nqueue 5\n",
    "\n}\nJOB x y\n",
    "\\",
    '"',
    "queue",
    "@=end",
]
CHARACTERS = st.characters() | st.sampled_from([chr(n) for n in range(128)] + ["\udcff", "\udc80"])
TEXTS = st.lists(CHARACTERS | st.sampled_from(NASTY), max_size=12).map("".join)
COMMANDS = st.sampled_from(["rank", "+Note", "MY.Note", "x", "requirements"]) | TEXTS
LABEL = set(string.ascii_letters + string.digits + "_.,=[]-")


def step(name, key, *, outputs=("value",), files=(), inputs=None, resources=None):
    made = inputs or {}
    return PlannedStep(
        name=name, key=key, done=False, reason="", needs=tuple(key for key, _ in made.values()),
        inputs=made, outputs=outputs, action={}, arguments={}, files=files,
        resources=resources or {}, retries=2, preload=(), modules=(), components={},
    )  # fmt: skip


def parsed(text, folder):
    """Read a DAG's text as DAGMan does, and its one description as condor_submit does."""
    import htcondor2

    file = folder / "workflow.dag"
    file.write_text(text, encoding="utf-8")
    dag = read_dag(file, rescue=False)
    (body,) = dag.descriptions.values()
    return dag, {name.lower(): value for name, value in htcondor2.Submit(body + "\n").items()}


def check_names(folder, pipeline, name, file, output):
    """A DAG of two steps whose names, files and outputs are any text."""
    first, second = "a" * 64, "b" * 64
    read = ({"digest": "blake2b-256:" + "c" * 64, "name": file, "path": f"/x/{file}"},)
    steps = (
        step(name, first, outputs=(output,), files=read),
        step(f"{name}[{name}]", second, inputs={"x": (first, output)}),
    )
    plan = Plan(pipeline, steps, ((first,), (second,)))
    nodes = nodes_of(plan, lambda one: [f"../files/{sent_name(each)}" for each in one.files])
    run_id = Home(folder).new_run(pipeline).run_id
    dag, commands = parsed(dag_text(nodes, Around(run_id=run_id)), folder)
    assert list(dag.nodes) == [node.name for node in nodes]
    assert dag.edges == (((nodes[0].name,), (nodes[1].name,)),)
    for node, found in zip(nodes, dag.nodes.values(), strict=True):
        variables = dict(found.variables)
        assert variables["inputs"].split(",") == [*node.made, *node.given] or not node.made
        assert all(in_list(each) and len(each) < 150 for each in (*node.made, *node.given))
        assert set(variables["steps"]) <= LABEL
    assert commands["my.wingspanrun"] == f'"{label_of(run_id)}"'
    assert nodes[1].made == (f"{first}.json", file_name(first, output))
    assert "queue" not in commands
    assert commands["transfer_input_files"] == "../jobs/$(JOB).json,$(inputs)"


def check_command(folder, name, value):
    """A submit command is refused, or it is one line whose value is as it was given."""
    try:
        asked = ws.Resources(submit={name: value})
    except DeclarationError:
        return False
    plain = described(ws.Resources(), folder)[1]
    dag, commands = described(asked, folder)
    assert len(dag.nodes) == 1
    key = f"my.{name[1:]}" if name.startswith("+") else name
    if "$" not in value:  # macros are HTCondor's
        assert commands[key.lower()] == value.strip(" \t")
    assert commands.keys() - plain.keys() <= {key.lower()}
    return True


def described(asked, folder):
    """Return the DAG and the submit commands of one step that asks for this."""
    nodes = nodes_of(
        Plan("p", (step("s", "a" * 64, resources=asked.to_json()),), (("a" * 64,),)), lambda _: ()
    )
    return parsed(dag_text(nodes), folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    pytest.importorskip("htcondor2")
    return tmp_path_factory.mktemp("dags")


NAMES = given(TEXTS, TEXTS, TEXTS, TEXTS)
PAIRS = given(COMMANDS, TEXTS)
FEW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
MANY = settings(FEW, max_examples=10_000)


@FEW
@NAMES
def test_any_names_make_a_dag_that_says_the_same(folder, pipeline, name, file, output):
    check_names(folder, pipeline, name, file, output)


@pytest.mark.long
@MANY
@NAMES
def test_ten_thousand_names_make_dags_that_say_the_same(folder, pipeline, name, file, output):
    check_names(folder, pipeline, name, file, output)


@FEW
@PAIRS
@example("x", "1\nqueue 5")
@example("x", "1\\")
@example("x = 1\nqueue 5\ny", "2")
def test_a_submit_command_is_one_line_or_refused(folder, name, value):
    check_command(folder, name, value)


@pytest.mark.long
@MANY
@PAIRS
def test_ten_thousand_submit_commands_are_one_line_or_refused(folder, name, value):
    check_command(folder, name, value)


@pytest.mark.parametrize(
    "value", ["Mips", "(Memory > 5) && (Disk > 1) # , ; ' \" %", "ümläut", "a\tb"]
)
def test_usual_submit_commands_are_taken(folder, value):
    assert check_command(folder, "rank", value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x", "1\nqueue 5"),
        ("x", "1\rqueue 5"),
        ("x", "1 \\ "),
        ("x", "\0"),
        ("x", "\udcff"),
        ("x\nqueue 5", "1"),
        ("x ", "1"),
        ("if", "true"),
        ("inputs", "evil"),
        ("args", "evil"),
        ("RequestMemory", "5"),
        ("+RequestMemory", "5"),
        ("My.Iwd", "/tmp"),
        ("transferInputFiles", "/etc/passwd"),
        ("+WingspanRun", '"x"'),
    ],
)
def test_what_would_mean_something_else_is_refused(tmp_path, name, value):
    """In a step, with the line that declares it, and in a profile, with its file."""
    assert command_problem(name, value)
    with pytest.raises(DeclarationError, match="submit") as error:
        ws.Resources(submit={name: value})
    assert "test_texts.py" in error.value.where
    if "\0" in name + value or "\udcff" in value:
        return
    text = f"[pools.p]\nsubmit = {{ {json.dumps(name)} = {json.dumps(value)} }}\n"
    (tmp_path / "wingspan.toml").write_text(text)
    with pytest.raises(SettingError, match=r"wingspan\.toml \[pools\.p\]: submit: "):
        find_profile("p", tmp_path)


@pytest.mark.parametrize("value", ["1;_CONDOR_X=2", "1 2", 'a"b', "a\\"])
def test_a_setting_of_dagman_is_one_word(tmp_path, value):
    text = f"[pools.p]\ndagman = {{ DAGMAN_MAX_JOBS_IDLE = '{value}' }}\n"
    (tmp_path / "wingspan.toml").write_text(text)
    with pytest.raises(SettingError, match="DAGMAN_MAX_JOBS_IDLE: expected a number or a word"):
        find_profile("p", tmp_path)


@pytest.mark.parametrize(
    "path", ["/x/a$(Y)", "/x/$ENV(HOME)", "/x/a\nb", "/x\\/y", "/x/y\\", "/x/\udcff"]
)
def test_a_folder_that_dagman_would_misread_is_refused_before_anything_is_written(tmp_path, path):
    assert folder_problem(Path(path))
    folder = Path(f"{tmp_path}{path}")
    with pytest.raises(SettingError, match="name another folder"):
        export(Plan("p", (), ()), RunFolder(folder), Home(folder / "home"))
    assert not any(tmp_path.iterdir())


def test_other_folders_are_taken():
    for name in string.printable.replace("\\", "").replace("/", ""):
        if name.isprintable():
            assert not folder_problem(Path(f"/x/a{name}b"))


@pytest.mark.parametrize(
    "image", ["docker://a,b", "/x/a b.sif", "docker://$(X)", "a'b.sif", "a\nb"]
)
def test_an_image_whose_name_no_list_holds_is_refused_with_its_step(tmp_path, image):
    used = step("fit[a]", "a" * 64, resources={"image": image})
    with pytest.raises(SettingError, match=r"image .*step fit\[a\]") as error:
        export(Plan("p", (used,), ()), RunFolder(tmp_path / "run"), Home(tmp_path / "home"))
    assert str(error.value).replace("\n", "").isprintable()


def test_a_word_of_a_program_is_quoted():
    import htcondor2

    word = "".join(chr(n) for n in range(32, 127))
    submitted = htcondor2.Submit(f"arguments = {argument(word)}\n")
    value = submitted.expand("arguments")
    assert (value[:2], value[-2:]) == ("\"'", "'\"")
    assert value[2:-2].replace("''", "'").replace('""', '"') == word


def test_a_long_or_strange_file_name_is_sent_under_a_plain_one():
    names = ["a" * 255, "ü" * 120, ".hidden", "-x", "a,b", "x\ny", "\udcff", '"', "$(X)"]
    digest = "blake2b-256:" + "0123456789abcdef" * 4
    for name in names:
        sent = sent_name({"digest": digest, "name": name})
        assert in_list(sent)
        assert len(sent) < 100
    assert sent_name({"digest": digest, "name": "t.csv"}) == "0123456789abcdef.t.csv"
    assert "queue" not in submit_description(ws.Resources())

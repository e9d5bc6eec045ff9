"""Existing DAG files are read as DAGMan reads them; HTCondor's own checker is the judge where it can be had."""

import itertools
import os
import subprocess

import pytest

from wingspan.dag.reader import read_dag
from wingspan.errors import DeclarationError, NotFoundError

AB = "JOB a a.sub\nJOB b b.sub\n"
FILES = {
    "two.dag": "JOB x x.sub\nJOB y y.sub\nPARENT x CHILD y\n",
    "pins.dag": "JOB x x.sub\nPIN_IN x 1\nPIN_OUT x 1\n",
    "final.dag": "JOB x x.sub\nFINAL f f.sub\n",
    "wrong.dag": "JOB x x.sub\nFOO\n",
    "circle.dag": "SPLICE r circle.dag\n",
    "includes.dag": "INCLUDE includes.dag\n",
    "rejected.dag": "JOB x x.sub\nREJECT\n",
    "retried.dag": "JOB x x.sub\nRETRY ALL_NODES 2\nCATEGORY x c\nMAXJOBS c 3\n",
    "ok.conf": "DAGMAN_USER_LOG_SCAN_INTERVAL = 1\n",
}
GOOD = [
    "job a a.sub\njob b {\n executable=/bin/true\n}\nparent a child b\n",
    "JOB a a.sub DIR x NOOP DONE\n",
    "JOB a a.sub DONE NOOP DIR x\n",
    "JOB a a.sub\nJOB A a.sub\nPARENT a CHILD A\n",
    f"PARENT a CHILD b\n{AB}",
    f"RETRY a 3 UNLESS-EXIT 2\n{AB}RETRY ALL_NODES 3\n",
    f"{AB}RETRY a 3\\\nUNLESS_EXIT 2\n",
    "JOB a \\\n\n# between\n a.sub \\\n NOOP\n",
    "# a comment \\\nJOB a a.sub\n",
    AB.replace("\n", "\r\n"),
    f'{AB}VARS a x="1"  y = "a \\"b\\" c" +z="2"\nVARS b PREPEND x=1 y=\'2\'\nVARS ALL_NODES u="1"v="2"\n',
    "JOB a s\nSUBMIT-DESCRIPTION s {\nexecutable=/bin/true\n}\n",
    "SUBMIT_DESCRIPTION s @=end\nexecutable=/bin/true\n@end\nJOB a s\nJOB b @=x\na = {\n}\n@x\n",
    "JOB a {\n executable=/bin/true\n} NOOP\n",
    "JOB a a.sub\nFINAL f f.sub\nRETRY f 1\nSERVICE s s.sub\nPROVISIONER p p.sub\n",
    f"{AB}SCRIPT DEFER 4 60 PRE a x.sh 1 2\nSCRIPT DEBUG o.txt ALL POST b y\nSCRIPT HOLD ALL_NODES z\n",
    "INCLUDE two.dag\n",
    "SPLICE s two.dag\nJOB a a.sub\nPARENT a CHILD s\n",
    "SPLICE s two.dag\nRETRY s+x 3\nPARENT s+x CHILD s+y\n",
    "SPLICE s pins.dag\nSPLICE q pins.dag\nCONNECT s q\n",
    "SPLICE s retried.dag DIR .\nSPLICE t two.dag\nPARENT s CHILD t\n",
    "",
    "# only a comment\n",
    f"{AB}PRIORITY a -5\nCATEGORY a c\nMAXJOBS c 2\nDOT x.dot DONT-UPDATE OVERWRITE INCLUDE h\n",
    f"{AB}CONFIG ok.conf\nENV SET A=1;B=2\nENV GET A B\nDONE a\nDONE a\nSET_JOB_ATTR Foo = 1\n",
    f"{AB}ABORT-DAG-ON a 3 RETURN 1\nNODE_STATUS_FILE f 30 ALWAYS-UPDATE\nJOBSTATE_LOG j\n",
    f"{AB}SAVE_POINT_FILE a\nSAVE_POINT_FILE b x.save\nPRE_SKIP a 2\n",
    f"{AB}PARENT a CHILD b\nPARENT a a CHILD b CHILD b\n",
    "SUBDAG EXTERNAL s s.dag DIR x NOOP\n",
]
BAD = {
    "FOO a\n": "FOO is not a command",
    "JOBS a a.sub\n": "did you mean JOB",
    "JOB\n": "expected NODE SUBMIT-FILE, found nothing",
    "JOB a\n": "a has no submit description",
    "JOB a a.sub BAR\n": "'BAR' is not expected",
    "JOB a a.sub # comment\n": "'#' is not expected",
    "JOB a a.sub DIR\n": "no folder after DIR",
    "JOB a a.sub\nJOB a a.sub\n": "a is declared already at",
    "JOB alpha a.sub\nPARENT alpha CHILD alpa\n": "did you mean alpha",
    "JOB a a.sub\nPARENT a CHILD a\n": "a -> a",
    f"{AB}PARENT a b\n": "no CHILD",
    f"{AB}PARENT CHILD b\n": "no node before CHILD",
    f"{AB}PARENT a CHILD\n": "no node after CHILD",
    f"{AB}JOB c c.sub\nPARENT a CHILD b\nPARENT b CHILD c\nPARENT c CHILD b\n": "b -> c -> b",
    f"{AB}RETRY a x\n": "expected a count, found 'x'",
    f"{AB}RETRY a -1\n": "0 or more",
    f"{AB}RETRY a 3 FOO\n": "expected UNLESS-EXIT NUMBER",
    f"{AB}RETRY\n": "found nothing",
    f"{AB}VARS a\n": "no macro",
    f'{AB}VARS a x="1\n': 'expected name="value"',
    f"{AB}VARS a x\n": 'expected name="value"',
    f'{AB}VARS a queue="1"\n': "begins with queue",
    "SUBMIT-DESCRIPTION s foo\n": "expected an inline description",
    "JOB a {\n executable=/bin/true\n": "found the end of the file",
    "JOB a+b a.sub\n": "has a +",
    "JOB Parent a.sub\n": "DAGMan's own",
    "FINAL f f.sub\nFINAL g f.sub\n": "f at",
    "FINAL f f.sub\nJOB a a.sub\nPARENT a CHILD f\n": "f is a FINAL node",
    "JOB a a.sub\nSERVICE f f.sub\nPARENT a CHILD f\n": "f is a SERVICE node",
    f"{AB}SCRIPT FOO a x.sh\n": "expected PRE, POST or HOLD",
    f"{AB}SCRIPT PRE a\n": "no program after the node",
    f"{AB}SCRIPT DEFER 4 PRE a x.sh 1 2\n": "expected seconds, found 'PRE'",
    f"{AB}SCRIPT DEBUG o.txt SOME PRE a x.sh\n": "expected STDOUT, STDERR or ALL",
    f"{AB}SCRIPT DEFER 4\n": "nothing follows DEFER",
    f"{AB}REJECT\n": "not to be run",
    "INCLUDE no.dag\n": "no.dag cannot be read",
    "INCLUDE two.dag two.dag\n": "expected one file",
    "INCLUDE wrong.dag\n": "wrong.dag:2",
    "INCLUDE includes.dag\n": "includes itself",
    "SPLICE s no.dag\n": "there is no file",
    "SPLICE s circle.dag\n": "splices itself",
    "SPLICE s wrong.dag\n": "wrong.dag:2",
    "SPLICE s final.dag\n": "a splice has no FINAL node",
    "SPLICE s rejected.dag\n": "not to be run",
    "SPLICE s two.dag\nRETRY s 3\n": "s is a splice, not a node",
    "SPLICE s two.dag\nJOB s s.sub\n": "s is declared already",
    f"{AB}PRIORITY a x\n": "expected a number",
    f"{AB}MAXJOBS c -1\n": "0 or more",
    f"{AB}CATEGORY a\n": "expected NODE CATEGORY",
    f"{AB}DOT x.dot FOO\n": "'FOO' is not expected",
    f"{AB}CONFIG no.conf\n": "there is no file",
    f"{AB}ENV FOO A\n": "expected SET or GET",
    f"{AB}DONE z\n": "no node is called z",
    f"{AB}DONE ALL_NODES\n": "DONE takes one node",
    f"{AB}ABORT-DAG-ON a 3 RETURN 300\n": "from 0 to 255",
    f"{AB}SET_JOB_ATTR\n": "no attribute",
    f"{AB}NODE_STATUS_FILE f x\n": "'x' is not expected",
    f"{AB}JOBSTATE_LOG\n": "expected FILE",
    f"{AB}PIN_IN a 0\n": "1 or more",
    "SUBDAG s s.dag x\n": "expected EXTERNAL",
}
STRICTER = {  # DAGMan refuses these when it runs; the checker lets them pass
    "SPLICE p pins.dag\nCONNECT p z\n": "no splice is called z",
    "SPLICE p pins.dag\nSPLICE q two.dag\nCONNECT p q\n": "give both the same pins",
}


@pytest.fixture
def read(tmp_path):
    """Write a text as a DAG file beside the others and read it."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)

    def write_and_read(text):
        (tmp_path / "t.dag").write_bytes(text.encode())
        return read_dag(tmp_path / "t.dag")

    return write_and_read


@pytest.mark.parametrize("text", GOOD)
def test_what_dagman_takes_is_read(read, text):
    """Keywords in any case, - for _, comments, continued lines, inline descriptions, every command."""
    read(text)


@pytest.mark.parametrize(("text", "told"), [*BAD.items(), *STRICTER.items()])
def test_a_mistake_is_told_with_its_line(read, text, told):
    """The error names file and line (a cycle: the file), what was found, and what to do."""
    with pytest.raises((DeclarationError, NotFoundError)) as caught:
        read(text)
    assert told in str(caught.value)
    assert ".dag:" in str(caught.value)


def test_the_checker_agrees(daemons, read, tmp_path):
    """`condor_dag_checker` takes what is read here and refuses what is refused here."""
    program = daemons.release / "bin" / "condor_dag_checker"
    if not program.exists():
        pytest.skip(f"NO condor_dag_checker in HTCondor {daemons.version}")
    environment = {**os.environ, "CONDOR_CONFIG": "ONLY_ENV"}
    differing = []
    for text, good in [*((text, True) for text in GOOD), *((text, False) for text in BAD)]:
        try:
            read(text)
            ours = True
        except (DeclarationError, NotFoundError):
            ours = False
        done = subprocess.run(
            [program, "t.dag"], cwd=tmp_path, env=environment, capture_output=True, check=False
        )
        assert done.returncode in {0, 1}, done.stderr
        if not ours == good == (done.returncode == 0):
            differing.append((text, done.stdout))
    assert not differing


def test_everything_of_a_node_is_kept(read):
    """Each command's values are in the record of its node."""
    dag = read(
        "JOB a a.sub DIR d NOOP\nSCRIPT DEFER 4 60 PRE a x.sh 1 2\nSCRIPT POST a old\nSCRIPT POST a y\n"
        'RETRY a 3 UNLESS-EXIT 2\nVARS a x="1 \\"q\\" \\\\" +z=5\nVARS a x="2"\nPRIORITY a -5\n'
        "CATEGORY a c\nMAXJOBS c 2\nPRE_SKIP a 7\nABORT-DAG-ON a 3 RETURN 1\nSAVE_POINT_FILE a\n"
        "JOB b {\n  executable = /bin/true\n\n  arguments = x\\\n} DONE\nENV SET A=1\n"
    )
    a, b = dag.nodes.values()
    assert (a.submit, a.folder, a.noop, a.done) == ("a.sub", "d", True, False)
    assert [(s.kind, s.command, s.defer) for s in a.scripts] == [
        ("PRE", "x.sh 1 2", (4, 60)),
        ("POST", "y", None),
    ]
    assert (a.retries, a.unless_exit, a.priority, a.category) == (3, 2, -5, "c")
    assert a.variables == (("x", '1 "q" \\'), ("+z", "5"), ("x", "2"))
    assert (a.pre_skip, a.abort_on, a.save_point) == (7, (3, 1), "a-t.dag.save")
    assert b.inline == "  executable = /bin/true\n\n  arguments = x\\"
    assert b.done
    assert b.place.endswith("t.dag:14")
    assert dag.max_jobs == {"c": 2}
    assert dag.commands == (("ENV", "SET A=1"),)


def test_splices_are_flat(read, tmp_path):
    """Nodes are called ``splice+node``, edges lead to first and last nodes, folders and categories nest."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "in.dag").write_text(
        "JOB x s DIR deep\nJOB y y.sub\nPARENT x CHILD y\nCATEGORY x c\nCATEGORY y +all\n"
        "MAXJOBS c 1\nSUBMIT-DESCRIPTION s {\n}\n"
    )
    (tmp_path / "mid.dag").write_text("SPLICE in in.dag DIR sub\nJOB z z.sub\n")
    dag = read(f"{AB}SPLICE mid mid.dag\nPARENT a CHILD mid\nPARENT mid CHILD b\n")
    assert list(dag.nodes) == ["a", "b", "mid+in+x", "mid+in+y", "mid+z"]
    assert dag.nodes["mid+in+x"].folder == "sub/deep"
    assert dag.nodes["mid+in+x"].category == "mid+in+c"
    assert dag.nodes["mid+in+x"].submit == "mid+in+s"
    assert dag.descriptions == {"mid+in+s": ""}
    assert dag.max_jobs == {"mid+in+c": 1}
    assert dag.parents()["b"] == ("mid+in+y", "mid+z")
    assert dag.layers() == [["a"], ["mid+in+x", "mid+z"], ["mid+in+y"], ["b"]]


def test_pins_lead_from_splice_to_splice(read):
    """CONNECT puts the output pins of one before the input pins of the other."""
    dag = read("SPLICE s pins.dag\nSPLICE q pins.dag\nCONNECT s q\n")
    assert dag.parents() == {"s+x": (), "q+x": ("s+x",)}


def test_the_newest_rescue_dag_counts(read, tmp_path):
    """Nodes that it calls done are done; an older one is not looked at."""
    (tmp_path / "t.dag.rescue001").write_text("# Rescue DAG\nDONE b\n")
    (tmp_path / "t.dag.rescue002").write_text("DONE a\n")
    dag = read(AB)
    assert [node.done for node in dag.nodes.values()] == [True, False]
    assert dag.rescue == tmp_path / "t.dag.rescue002"
    assert not read_dag(tmp_path / "t.dag", rescue=False).nodes["a"].done


@pytest.mark.long
def test_layers_of_many_edges_are_found_in_linear_time(read):
    """Two layers of 20,000 nodes have 400 million edges in one line; a chain of 20,000 is no recursion."""
    names = [f"{side}{number}" for side in "pc" for number in range(20_000)]
    jobs = "".join(f"JOB {name} s.sub\n" for name in names)
    dag = read(f"{jobs}PARENT {' '.join(names[:20_000])} CHILD {' '.join(names[20_000:])}\n")
    assert [len(layer) for layer in dag.layers()] == [20_000, 20_000]
    chain = "".join(f"PARENT {a} CHILD {b}\n" for a, b in itertools.pairwise(names))
    assert len(read(jobs + chain).layers()) == 40_000

"""Write the shell script that starts a job: it finds or unpacks Python, runs the part."""

import shlex
import sys
from pathlib import Path

from wingspan.files import json_text, write_atomically
from wingspan.runner.htcondor.dag_folder import LANE_OVER, SELECT, STARTED, DagFolder
from wingspan.runner.htcondor.hold_policy import MORE_EXIT, SELECTED_EXIT
from wingspan.runner.htcondor.write.archive import UNPACK
from wingspan.runner.job.process import FIXED_HASHES

_JOB_SH = """#!/bin/sh
# One job: runs the part of the node $1; if that cannot be started, says so in NODE.failed.json.
# Environments that came along are unpacked here, outside of what the steps see.
node=$1
environment=$2
fail() {{  # problem, what to do, exit code, what there is too little of
    printf '{{"problem":"%s","fix":"%s","cause":"%s"}}\\n' "$1" "$2" "$4" > "$node.failed.json"
    echo "$1" >&2
    exit "${{3:-3}}"
}}
{unpack}python={python}
wanted={wanted}
library={library}
if [ -n "$environment" ]; then
    if ! [ -x environment/python/bin/python3 ]; then
        mkdir -p environment
        if ! said=$(LC_ALL=C unpack "$environment" "$PWD/environment" 2>&1); then
            rm -rf environment  # room for the words
            case $said in
            *[Ss]pace*|*[Qq]uota*)
                fail "no space left to unpack the environment on $(uname -n)" "ask for more: ws.Resources(disk=...)" 5 disk ;;
            esac
            echo "$said" >&2
            fail "the environment cannot be unpacked on $(uname -n)" "read why in the output of the job: wingspan logs"
        fi
    fi
    python=$PWD/environment/python/bin/python3
    library=$PWD/environment/python/lib
fi
if [ -n "$library" ]; then
    export LD_LIBRARY_PATH="$library${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"
    unset PYTHONHOME PYTHONPATH
fi
if ! [ -x "$python" ]; then  # in a container image: the one that it has
    [ -z "$library" ] && python=$(command -v python3) && "$python" -c "import wingspan" ||
        fail "there is no $wanted on $(uname -n), and no other python that has wingspan" {fix}
fi
export {hashes}
"$python" -P -m wingspan.runner.htcondor.execution_point "$node"
code=$?
if [ $code -eq 1 ] && ! [ -d {started} ]; then  # the first thing that a part makes
    fail "wingspan on $(uname -n) did not start the job: it is another version than the one that submitted it, or damaged" \\
        "run the command again, which submits the job again; its error: wingspan logs" 1
fi
case $code in
0|1|4|5|6|7|85) ;;
*) fail "python ended with code $code on $(uname -n)" "read the output of the job: wingspan logs" ;;
esac
exit $code
"""


_UNLESS_DONE_SH = """#!/bin/sh
# Before a node whose steps another node may have run: ends with 1, and DAGMan skips the node, if all results are here.
for key; do
    [ -e "results/$key.json" ] || exit 0
done
exit 1
"""


def write_unless_done(script: Path) -> None:
    """Write what says whether the steps that a job may have given back are still to be run."""
    write_atomically(script, _UNLESS_DONE_SH)
    script.chmod(0o755)


_LANE_OVER_SH = f"""#!/bin/sh
# After a job of a lane, which ended with $1: fails while trials are left ({MORE_EXIT}), and DAGMan starts it again.
[ "$1" -ne {MORE_EXIT} ] || [ "$2" -ge "$3" ]
"""
_SELECT_SH = """#!/bin/sh
# Before the node of a sweep: makes the best trial's files its result (ends with {selected}), or says that its job must run (0).
# After its job, which has run the best trial again: the same (ends with 0), or fails.
said=$({python} -P -m wingspan.runner.htcondor.search.take_best "$@" 2>&1)
code=$?
case $code in
0|2|{selected}) exit $code ;;
esac
printf '{{"problem":"the best trial could not be selected: python ended with code %s: %s","fix":"%s"}}\\n' $code \\
    "$(printf '%s' "$said" | tail -n 1 | tr -d '"\\\\' | tr -c '[:print:]' ' ')" \\
    "run the command again: if Wingspan was upgraded or moved, a new DAG goes on with the trials" > "results/$1.failed.json"
exit 2
"""


def write_sweep_scripts(dag: DagFolder) -> None:
    """Write what DAGMan runs after each job of a lane, and before the node of a sweep."""
    select = _SELECT_SH.format(python=shlex.quote(sys.executable), selected=SELECTED_EXIT)
    for name, text in ((LANE_OVER, _LANE_OVER_SH), (SELECT, select)):
        write_atomically(dag.root / name, text)
        (dag.root / name).chmod(0o755)


def write_script(script: Path, environment: Path | None) -> None:
    """Write the executable of every node.

    Parameters
    ----------
    environment
        Where jobs find interpreter and libraries; None: where they are here, or in the archive that is sent.
    """
    python, library, fix = sys.executable, "", "let the environment travel: see docs/htcondor.md"
    if environment is not None:
        python, library = str(environment / "python/bin/python3"), str(environment / "python/lib")
        fix = "mount the shared folder on all machines that run jobs; or leave out the key shared, or --shared"
    hashes = "=".join(*FIXED_HASHES.items())
    values = {"python": python, "library": library, "fix": fix, "hashes": hashes}
    quoted = {name: shlex.quote(value) for name, value in values.items()}
    in_json = json_text(python)[1:-1]  # as fail() has to write it
    wanted = "$python" if in_json == python else shlex.quote(in_json)
    write_atomically(
        script, _JOB_SH.format(**quoted, wanted=wanted, unpack=UNPACK, started=STARTED)
    )
    script.chmod(0o755)

"""Pack and unpack the files of a result as they travel.

``KEY.json`` and ``KEY.OUTPUT`` lie in one folder; folders travel as tar files.
"""

import json
from pathlib import Path

from wingspan.files import json_text, remove
from wingspan.runner.htcondor.shared import link
from wingspan.runner.run_folder import METRICS, OUTPUTS, RESULT, STDERR, STDOUT, file_name
from wingspan.store.store import Store

LOGS = (STDOUT, STDERR, METRICS)  # what comes back of what a step wrote
PACKED = "packed"  # in a result: outputs that are folders, sent as tar files under their own names


def take_result_in(key: str, sandbox: Path, store: Store) -> None:
    """Put a result that came along into the store of a job, unless it is there."""
    if store.done([key]):
        return
    staging = sandbox / "home" / f"{key}.part"
    remove(staging)
    unpack_result(sandbox, key, staging)
    store.publish(key, staging)


def unpack_result(source: Path, key: str, target: Path) -> None:
    """Make a store entry, ``result.json`` and ``outputs/``, from a step's sent files."""
    (target / OUTPUTS).mkdir(parents=True)
    result = json.loads((source / f"{key}.json").read_text())
    for output in result["outputs"]:
        file = source / file_name(key, output)
        if not file.exists():
            continue  # not asked for
        if output in result.get(PACKED, ()):
            import tarfile

            with tarfile.open(file) as archive:
                archive.extractall(target / OUTPUTS / output, filter="data")
        else:
            link_once(file, target / OUTPUTS / output)
    result.pop(PACKED, None)
    (target / RESULT).write_text(json_text(result))


def pack_folder(folder: Path, target: Path) -> None:
    """Write a folder as a tar file: what a folder travels as."""
    import tarfile

    with tarfile.open(target, "w") as archive:
        archive.add(folder, ".")


def link_once(source: Path, target: Path) -> None:
    """Give a file a second name, unless that is there."""
    if not target.exists():
        link(source, target)

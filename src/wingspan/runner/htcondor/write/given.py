"""Link what jobs are given into the DAG's folder or a shared one.

That is: the user's files, constants and earlier results.
"""

import os
import shlex
from pathlib import Path

from wingspan.errors import SettingError
from wingspan.files import copy, json_text, walk
from wingspan.planning.plan import PlannedStep
from wingspan.runner.htcondor.dag_folder import DagFolder
from wingspan.runner.htcondor.packing import PACKED, pack_folder
from wingspan.runner.htcondor.profile import Profile
from wingspan.runner.htcondor.reference import sent_name, url_of
from wingspan.runner.htcondor.shared import (
    give,
    give_done,
    place_of,
)
from wingspan.runner.prepare import constants_of
from wingspan.runner.run_folder import RESULT, RunFolder, file_name
from wingspan.store.store import Store


def given_files(step: PlannedStep, place: Path, folder: RunFolder, profile: Profile) -> list[str]:
    """Link the user's files under the names that the job knows.

    The return value lists them and the constants, relative to results.

    Files that the pool reaches by itself are URLs. Where there is a shared folder the others are put there, and not
    to be sent.
    """
    there = place_of(place)
    urls = {file["name"]: url_of(file, profile.staging) for file in step.files}
    found = [url for url in urls.values() if url]
    files = [file for file in step.files if not urls[file["name"]]]
    if there is not None and profile.shared is not None:
        give(step, files, (there, profile.shared), folder)
        return found
    results = DagFolder(place).results
    found += [
        os.path.relpath(folder.constant(digest), results) for digest in sorted(constants_of(step))
    ]
    for file in files:
        link = DagFolder(place).files / sent_name(file)
        if not link.exists():
            _link_input(Path(file["path"]), link)
        found.append(f"../{link.relative_to(place)}")
    return found


def _link_input(source: Path, link: Path) -> None:
    """Link a file; of a folder, its files: HTCondor follows no link to a folder.

    Raises
    ------
    SettingError
        A link in the folder leads in a circle.
    """
    loop = next((found for found in walk(source) if found.loop), None) if source.is_dir() else None
    if loop is not None:
        problem = f"{loop.path} is a link to a folder that it lies in, which HTCondor does not send"
        raise SettingError(
            f"input folder {source}", problem, f"remove it: rm {shlex.quote(loop.path)}"
        )
    copy(source, link, lambda file, place: place.symlink_to(file.absolute()))


def give_done_result(key: str, place: Path, store: Store, profile: Profile) -> None:
    """Give the jobs of a DAG a result that the store has.

    It goes to the shared folder, else to the folder of results.
    """
    there = place_of(place)
    if there is not None and profile.shared is not None:
        give_done(key, there, store, profile.shared)
    else:
        _link_done(key, place, store)


def _link_done(key: str, place: Path, store: Store) -> None:
    """Link a stored result into the folder of results.

    Folders are packed as a job sends them.
    """
    made = store.output_path(key, "").parent
    results = DagFolder(place).results
    if (results / f"{key}.json").exists():
        return
    result = store.result(key)
    packed = []
    for name in result["outputs"]:
        source, target = store.output_path(key, name), results / file_name(key, name)
        if source.is_dir():
            packed.append(name)
            pack_folder(source, target)
        else:
            target.symlink_to(source)
    if packed:
        (results / f"{key}.json").write_text(json_text({**result, PACKED: packed}))
    else:
        (results / f"{key}.json").symlink_to(made / RESULT)

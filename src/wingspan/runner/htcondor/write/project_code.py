"""Pack the user's own modules, as the run keeps them, for jobs on other machines."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

from wingspan.errors import ConflictError
from wingspan.files import aside, digest_bytes, digest_file
from wingspan.planning.plan import Plan, PlannedStep
from wingspan.planning.snapshot import Module
from wingspan.runner.job.kept_code import modules_of, read_kept
from wingspan.runner.run_folder import RunFolder

_EPOCH = (1980, 1, 1, 0, 0, 0)  # zip's first year: the same files give the same bytes


def project_files(plan: Plan, folder: RunFolder | None) -> dict[str, dict[Path, Module]]:
    """Return the project's files that a plan's jobs import, by import folder.

    Parameters
    ----------
    folder
        The folder of the plan's run, which holds the manifests that the plan does not.
    """
    names = dict.fromkeys(step.code for step in _with_makers(plan) if step.code)
    manifests = (
        plan.sources.get(name) or (read_kept(folder, name) if folder else b"{}") for name in names
    )
    roots: dict[str, dict[Path, Module]] = {}
    for module in sorted(modules_of(manifests).values()):
        if module.digest:
            roots.setdefault(module.root, {})[Path(module.file)] = module
    return dict(sorted(roots.items()))


def _with_makers(plan: Plan) -> list[PlannedStep]:
    """Return the steps that are to run, and those whose results they read.

    The files of the latter may define the classes of these results.
    """
    steps = {step.key: step for step in plan.steps}
    found: dict[str, PlannedStep] = {}
    waiting = [step.key for step in reversed(plan.to_run())]
    while waiting:
        key = waiting.pop()
        if key not in found and key in steps:
            found[key] = steps[key]
            waiting += steps[key].needs
    return list(found.values())


def pack_code(roots: Mapping[str, Mapping[Path, Module]], run: RunFolder, folder: Path) -> Path:
    """Write the files as ``code-DIGEST.zip`` into a folder; return its path.

    Root number N lies below ``N/``.

    Raises
    ------
    ConflictError
        A compiled module is not what it was when the plan was made.
    """
    contents = [
        (f"{number}/{file.relative_to(root)}", content_of(module, run))
        for number, (root, files) in enumerate(roots.items())
        for file, module in files.items()
    ]
    whole = b"".join(name.encode() + b"\0" + content + b"\0" for name, content in contents)
    path = folder / f"code-{digest_bytes(whole).partition(':')[2][:16]}.zip"
    with aside(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents:
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content)
    return path


def contents_of(
    roots: Mapping[str, Mapping[Path, Module]],
    run: RunFolder | None,
    sources: Mapping[str, bytes],
) -> dict[str, dict[Path, bytes]]:
    """Return the bytes of the files that `project_files` gave, as the plan or its run has them."""
    return {
        root: {file: content_of(module, run, sources) for file, module in files.items()}
        for root, files in roots.items()
    }


def content_of(
    module: Module, run: RunFolder | None, sources: Mapping[str, bytes] | None = None
) -> bytes:
    """Return a module's bytes as the plan has them.

    Raises
    ------
    ConflictError
        It is compiled, and not what it was when the plan was made.
    """
    if not module.compiled:
        known = (sources or {}).get(module.digest)
        return read_kept(run, module.digest) if known is None and run is not None else known or b""
    file = Path(module.file)
    if not file.exists() or digest_file(file) != module.digest:
        problem = f"{file} was changed after the plan was made"
        raise ConflictError(
            f"run {run.run_id if run else 'of this plan'}",
            problem,
            "run the command again to replan",
        )
    return file.read_bytes()

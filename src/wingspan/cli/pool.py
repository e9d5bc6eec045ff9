"""``wingspan pool``: run HTCondor's daemons for yourself, and show what any pool offers."""

import os
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from wingspan.cli.json_output import print_json
from wingspan.cli.options import AsJson
from wingspan.errors import NotFoundError, SettingError

app = typer.Typer(
    help="Install, start, stop and inspect your own pool.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Folder = Annotated[
    Path | None,
    typer.Option(help="The pool's folder [default: ~/.local/state/wingspan/pool]."),
]
Prefix = Annotated[
    Path | None,
    typer.Option(help="Folder of HTCondor's daemons [default: ~/.cache/wingspan/htcondor/SUITE]."),
]
_UNITS = {"": 1, "M": 1, "MB": 1, "G": 1024, "GB": 1024}


@app.command("install")
def install_command(
    suite: Annotated[str, typer.Option(help="Debian suite to take the packages from.")] = "sid",
    prefix: Prefix = None,
    tarball: Annotated[
        Path | None, typer.Option(help="HTCondor's own binary tarball, used in place of packages.")
    ] = None,
    mirror: Annotated[
        str | None, typer.Option(help="Debian archive [default: the one this machine uses].")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Install HTCondor's daemons into a private folder.

    This needs no root and changes nothing else.
    """
    from wingspan.pool.install import install

    daemons = install(
        prefix, suite, tarball, mirror, report=lambda text: typer.echo(text, err=True)
    )
    found = {"version": daemons.version, "origin": daemons.origin, "prefix": str(daemons.prefix)}
    text = f"HTCondor {daemons.version} ({daemons.origin}) is in {daemons.prefix}"
    if as_json:
        print_json(found)
    else:
        print(text)


@app.command()
def start(
    cpus: Annotated[int | None, typer.Option(min=1, help="Cpus to offer [default: all].")] = None,
    memory: Annotated[
        str | None, typer.Option(help="Memory to offer, such as 8GB [default: all].")
    ] = None,
    folder: Folder = None,
    default_configuration: Annotated[
        bool, typer.Option(help="Keep HTCondor's own intervals; a job then waits up to a minute.")
    ] = False,
    prefix: Prefix = None,
    as_json: AsJson = False,
) -> None:
    """Start a pool on this machine; install it first if needed."""
    from wingspan.pool.install import install
    from wingspan.pool.personal import start_pool

    daemons = install(prefix, report=lambda text: typer.echo(text, err=True))
    pool = start_pool(
        folder,
        cpus=cpus,
        memory_mb=None if memory is None else megabytes(memory),
        tuned=not default_configuration,
        daemons=daemons,
    )
    found = {"folder": str(pool.folder), "config": str(pool.config), "version": daemons.version}
    lines = [
        f"a pool of HTCondor {daemons.version} runs in {pool.folder}",
        "look at it: wingspan pool status    use its tools: wingspan pool run condor_q",
        "stop it:    wingspan pool stop",
    ]
    if as_json:
        print_json(found)
    else:
        print("\n".join(lines))


@app.command()
def stop(folder: Folder = None, as_json: AsJson = False) -> None:
    """Stop the pool and its jobs; the queue is kept for the next start."""
    from wingspan.pool.personal import default_folder, stop_pool

    stopped = stop_pool(folder)
    where = folder or default_folder()
    text = f"the pool in {where} is stopped" if stopped else f"no pool runs in {where}"
    if as_json:
        print_json({"stopped": stopped})
    else:
        print(text)


@app.command()
def status(folder: Folder = None, as_json: AsJson = False) -> None:
    """Show slots, cpus, memory, GPUs and jobs of the pool.

    The pool is yours, or the one that CONDOR_CONFIG names. Exits with 1 if its access point does not answer.
    """
    from wingspan.accesspoint import pool_status

    config = _use(folder)
    found = pool_status()
    shown = {"config": str(config), **asdict(found)}
    if as_json:
        print_json(shown)
    else:
        print(f"configuration {config}\n{found}")
    if found.problem:
        raise typer.Exit(1)


@app.command(
    context_settings={"allow_extra_args": True, "allow_interspersed_args": False},
    options_metavar="[OPTIONS] COMMAND",
)
def run(context: typer.Context, folder: Folder = None) -> None:
    """Run a command with the pool's tools."""
    command = context.args
    if not command:
        raise SettingError("wingspan pool run", "a command is missing", "give one, like condor_q")
    _use(folder)
    _add_tools()
    try:
        os.execvp(command[0], command)
    except FileNotFoundError as error:
        problem = "no such program on the PATH"
        raise NotFoundError(command[0], problem, "give its path, or look at its name") from error


def _use(folder: Path | None) -> Path:
    """Point this process at the pool in a folder, else at the configured pool."""
    from wingspan.pool.personal import find_pool, use_pool

    if folder is None:
        return use_pool()
    pool = find_pool(folder)
    if pool is None:
        fix = f"start one with: wingspan pool start --folder {folder}"
        raise NotFoundError(str(folder), "no pool runs here", fix)
    os.environ.update(pool.environment)
    return pool.config


def _add_tools() -> None:
    """Put HTCondor's programs last on the PATH; CONDOR_CONFIG's file says where they are."""
    from wingspan.accesspoint.bindings import bindings
    from wingspan.errors import PoolError

    with suppress(PoolError):
        folders = [str(bindings().param.get(name, "")) for name in ("BIN", "SBIN")]
        os.environ["PATH"] = os.pathsep.join(filter(None, [os.environ.get("PATH"), *folders]))


def megabytes(text: str) -> int:
    """Return 8192 for ``8GB``, ``8G`` or ``8192``."""
    digits = text.rstrip("GMBgmb ")
    unit = text[len(digits) :].strip().upper()
    if not digits.isdigit() or unit not in _UNITS:
        raise SettingError("--memory", f"expected a size such as 8GB, found {text!r}", "give one")
    return int(digits) * _UNITS[unit]

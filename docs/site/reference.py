"""Write the pages of the reference from the code and SECURITY.md, while MkDocs builds the site."""

import inspect
from collections.abc import Iterator
from pathlib import Path

import click
import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

import wingspan
from wingspan.cli.main import app

GROUPS = {
    "Pipelines and runs": (
        "Pipeline",
        "Handle",
        "zip",
        "Resources",
        "submit",
        "Run",
        "runs",
        "open_run",
    ),
    "Inside a step": ("log", "checkpoint", "checkpoint_file", "should_stop", "EarlyStopping"),
    "Swept values": (
        "choice",
        "uniform",
        "log_uniform",
        "int_uniform",
        "normal",
        "log_normal",
        "beta",
    ),
    "Errors": (),
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages."""
    policy = Path(config.config_file_path).with_name("SECURITY.md").read_text()
    pages = {"commands.md": commands(), "python.md": python(), "security.md": policy}
    for name, text in pages.items():
        files.append(File.generated(config, f"reference/{name}", content=text))
    return files


def python() -> str:
    """Return the page of the public names; a name without a group is an error or is listed last."""
    rest = [
        name
        for name in wingspan.__all__
        if name[0] != "_" and not any(name in group for group in GROUPS.values())
    ]
    errors = [
        name for name in rest if inspect.isclass(getattr(wingspan, name)) and name.endswith("Error")
    ]
    pages = {
        **GROUPS,
        "Errors": tuple(errors),
        "More": tuple(name for name in rest if name not in errors),
    }
    parts = ["# Python", "`import wingspan as ws`. Everything public is listed here."]
    for title, names in pages.items():
        if names:
            parts += [
                f"## {title}",
                *(f"::: wingspan.{name}\n    options:\n      heading_level: 3" for name in names),
            ]
    return "\n\n".join(parts) + "\n"


def commands() -> str:
    """Return the page of all commands with their arguments and options."""
    root = typer.main.get_command(app)
    parts = ["# Commands", "Every command with its options, as `--help` prints them."]
    for path, command in _leaves(root, ("wingspan",)):
        context = click.Context(command, info_name=" ".join(path))
        usage = command.get_usage(context).removeprefix("Usage: ")
        parts += [
            f"## {' '.join(path)}",
            inspect.cleandoc(command.help or ""),
            f"    {usage}",
            _options(command, context),
            (command.epilog or "").replace("Example: ", "Example:\n\n    "),
        ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _leaves(
    command: click.Command, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if not hasattr(command, "list_commands"):
        yield path, command
        return
    if command.invoke_without_command and len(path) > 1:
        yield path, command
    context = click.Context(command, info_name=path[-1])
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        if inner is not None and not inner.hidden:
            yield from _leaves(inner, (*path, name))


def _options(command: click.Command, context: click.Context) -> str:
    """Return a table of a command's arguments and options."""
    records = [param.get_help_record(context) for param in command.get_params(context)]
    rows = [
        (_cell(names), _cell(text).replace("<", "&lt;")) for names, text in filter(None, records)
    ]
    if not rows:
        return ""
    return "\n".join(
        ["| Argument or option | Meaning |", "|---|---|", *(f"| `{a}` | {b} |" for a, b in rows)]
    )


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")

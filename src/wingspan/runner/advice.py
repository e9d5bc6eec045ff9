"""Give advice in the terms of the interface in use.

That is options on the command line, and `Resources` in Python. All functions are pure.
"""

import re

# The options with which each command states a request; Python states all of them.
_OPTIONS = {
    "exec": frozenset({"cpus", "memory", "disk", "gpus", "runtime"}),
    "train": frozenset({"cpus", "memory"}),
    "predict": frozenset({"memory"}),
}
_REQUEST = re.compile(r'(?:resources=)?(?:ws\.)?Resources\((\w+)=("[^"]*"|[^()"]*)\)')
_IN_PYTHON = (  # of a run that Python started
    (re.compile(r"`?wingspan logs(?: [^ `,;]+)?`?"), "run.logs({step!r})"),
    (re.compile(r"(?:run|give) the (?:same )?command again"), "run the pipeline again"),
    (re.compile(r"\(--on\)"), "(on=...)"),
)
_HINT = re.compile(r'(\w+)=("[^"]*"|\d+)$')


def in_terms_of(command: str, fix: str, step: str = "") -> str:
    """Return advice about a step for the user of a command, or of Python if `command` is empty.

    >>> in_terms_of("exec", 'ask for more: resources=ws.Resources(memory="4096MB")')
    'ask for more: --memory 4096MB'
    >>> in_terms_of("", "look at its output: wingspan logs", "fit")
    "look at its output: run.logs('fit')"
    """
    if not command:
        for words, python in _IN_PYTHON:
            written = python.format(step=step)
            fix = words.sub(lambda _: written, fix)  # noqa: B023 - it is called at once
        return fix
    options = _OPTIONS.get(command)
    found = None if options is None else _REQUEST.search(fix)
    if options is None or found is None:
        return fix
    if found[1] not in options:
        return f"use a machine with more {found[1]}, such as one of a pool: --on POOL"
    return _REQUEST.sub(_option, fix)


def states_requests(command: str) -> bool:
    """Return whether a command has options for requests."""
    return command in _OPTIONS


def hint_in_terms_of(command: str, hint: str) -> str:
    """Return a hint that ends with a request, for the user of a command."""
    return _HINT.sub(_option, hint) if command in _OPTIONS else hint


def _option(request: re.Match[str]) -> str:
    value = request[2].strip('"')
    return f"--{request[1]} {request[1].upper() if value == '...' else value}"

"""Make keys: digests of everything that a result is a function of.

Every key is a pure function of explicit parts, encoded as JSON text of one form. Different parts
therefore give different keys, and equal parts give equal keys in every process.
"""

import sys
from collections.abc import Mapping
from typing import Any

from wingspan.files import digest_bytes, json_text

FORMAT = 3  # of keys and of job.json; a change here runs every step once more

PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
_AGAIN = "+"

Inputs = dict[str, tuple[str, str | None]]


def digest(parts: Any) -> str:  # noqa: ANN401 - JSON
    """Return the digest of JSON-able parts, as 64 hex digits."""
    return _hex(json_text(parts))


def _hex(text: str) -> str:
    return digest_bytes(text.encode()).partition(":")[2]


def base_key(
    code: str,
    arguments: Mapping[str, str],
    files: Mapping[str, tuple[str, str]],
    cpus: int,
    image: str | None,
) -> str:
    """Return the digest of all parts of a step's key but its inputs.

    Parameters
    ----------
    code
        Digest of the function's code and of the versions it depends on, or of the command.
    arguments
        By name, the JSON text of the argument's canonical tree; an input in it is a place.
    files
        Name in the job's folder -> ``file`` or ``folder``, and the digest of the content.
    """
    given = [
        f"{name if name.isidentifier() else json_text(name)}:{text}"
        for name, text in sorted(arguments.items())
    ]
    held = f"{json_text(image)} {json_text(files)}" if image or files else ""
    return _hex("\n".join([f"{FORMAT} {code} {cpus} {held}", *given]))


def command_digest(action: Mapping[str, Any]) -> str:
    """Return the digest of a shell command, its files and its outputs."""
    return digest([PYTHON, action])


def step_key(base: str, inputs: Mapping[str, tuple[str, str | None]]) -> str:
    """Return the key of a step, given the maker's key and output for each input, by place."""
    if not inputs:
        return _hex(base)
    lines = [
        f"{place} {key} {'' if output is None else json_text(output)}"
        for place, (key, output) in sorted(inputs.items())
    ]
    return _hex("\n".join([base, *lines]))


def forced_key(key: str, base: str, count: int) -> tuple[str, str]:
    """Return the key and the base of a step that was forced so often.

    By its base no earlier result is taken for it; `seeding` still gives the one that it had.
    """
    return _hex(f"{key} again {count}"), f"{base}{_AGAIN}{count}"


def seeding(base: str) -> str:
    """Return the base that seeds a step: a forced step draws the same random numbers again."""
    return base.partition(_AGAIN)[0]


def times_forced(base: str) -> int:
    """Return how often a step was forced, given its base."""
    return int(base.partition(_AGAIN)[2] or 0)


def repeat_base(base: str, repeat: int) -> str:
    """Return the base of a call that is repeated with other seeds.

    `repeat` counts from 1.
    """
    return _hex(f"{base} repeat {repeat}")


def study_base(base: str, spec: Mapping[str, Any]) -> str:
    """Return the base of a study, from the call without its swept arguments and the search."""
    return digest(["study", base, spec])


def sweep_key(study: str, budget: Mapping[str, Any]) -> str:
    """Return the key of a sweep: the best trial of a study within a budget."""
    return digest(["sweep", study, budget])


def content_key(base: str, inputs: Mapping[str, str]) -> str:
    """Return the key of a step by what it reads, given the digest of each input, by place."""
    return digest(["content", base, inputs])

"""Read YAML strictly.

Numbers are read as people write them, no key may occur twice, and values are plain JSON.
"""

import re
from pathlib import Path
from typing import Any

import yaml

from wingspan.errors import SettingError
from wingspan.sweep.distributions import Json

_NUMBER = re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$")
_TIMES = "tag:yaml.org,2002:timestamp"


class _Loader(yaml.SafeLoader):
    """A YAML loader for which 1e-5 is a number and 2026-01-01 is text."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own attribute
        first: [(tag, form) for tag, form in rules if tag != _TIMES]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: ARG002
        """Return a dict, and refuse a key that occurs twice.

        A key that comes from a merge may be replaced.
        """
        own = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                problem = "a key must be text, found a list or a mapping"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            if key.tag != "tag:yaml.org,2002:merge" and key.value in own:
                problem = f"the key {key.value!r} occurs twice"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            own.add(key.value)
        found: dict[Any, Any] = super().construct_mapping(node, deep=True)
        return found


_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _NUMBER, list("-+.0123456789"))


def read_yaml(path: Path) -> Json:
    """Return what a YAML file holds.

    Raises
    ------
    SettingError
        The message names the file and the line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problem = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SettingError(
            str(path), f"cannot read the file: {problem}", "check its path"
        ) from None
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        problem = getattr(error, "problem", None) or str(error)
        if problem.startswith("but "):
            problem = f"{getattr(error, 'context', '')}, {problem}"
        raise SettingError(where, f"this is not YAML: {problem}", "correct the line") from None

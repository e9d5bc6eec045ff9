"""Print JSON that every reader accepts."""

import json
from typing import Any


def print_json(value: Any, *, line: bool = False) -> None:  # noqa: ANN401 - whatever JSON takes
    """Print a value as a JSON document, or as one line of a stream of them.

    JSON has no nan and no inf, so they become null; values of other types become text.
    """
    indent = None if line else 2
    try:
        text = json.dumps(value, indent=indent, default=str, allow_nan=False)
    except ValueError:
        finite = json.loads(json.dumps(value, default=str), parse_constant=lambda _: None)
        text = json.dumps(finite, indent=indent)
    print(text, flush=line)

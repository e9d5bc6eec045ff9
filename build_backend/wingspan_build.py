"""The build backend: setuptools', which also asks for a compiler from a package where the machine has none."""

import shutil
from collections.abc import Callable
from typing import Any, TypeAlias

from setuptools import build_meta
from setuptools.build_meta import *

COMPILERS = ("cc", "gcc", "clang")
Requires: TypeAlias = Callable[[Any], list[str]]


def _with_compiler(requires: Requires) -> Requires:
    def hook(config_settings: Any = None) -> list[str]:  # noqa: ANN401 - the hook's signature
        compiler = [] if any(map(shutil.which, COMPILERS)) else ["ziglang>=0.13"]
        return [*requires(config_settings), *compiler]

    return hook


get_requires_for_build_wheel = _with_compiler(build_meta.get_requires_for_build_wheel)
get_requires_for_build_editable = _with_compiler(build_meta.get_requires_for_build_editable)

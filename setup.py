"""Compiles the event log's scanner: a plain shared library, no Python extension, so that one wheel fits all Pythons."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext


def compiler() -> list[str]:
    """Return the command of a C compiler: $CC, the system's, or the ziglang package's."""
    if os.environ.get("CC"):
        return shlex.split(os.environ["CC"])
    found = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    return [found] if found else [sys.executable, "-m", "ziglang", "cc"]


class BuildLibrary(build_ext):
    """Builds ``wingspan/eventlog/_scan.so`` from ``scan.c`` and ``columns.c``."""

    def get_ext_filename(self, fullname: str) -> str:
        """Return the library's path, without the tag of a Python version."""
        return str(Path(*fullname.split("."))) + ".so"

    def build_extension(self, ext: Extension) -> None:
        """Run the compiler once."""
        target = Path(self.get_ext_fullpath(ext.name))
        target.parent.mkdir(parents=True, exist_ok=True)
        options = ["-O3", "-std=c11", "-fPIC", "-shared", "-fno-sanitize=undefined", "-s"]
        part = target.with_suffix(".part")
        subprocess.run([*compiler(), *options, *ext.sources, "-o", str(part)], check=True)
        part.replace(target)  # in one step: another process may have the old one loaded


class PlatformWheel(bdist_wheel):
    """A wheel for any Python 3 on this platform."""

    def get_tag(self) -> tuple[str, str, str]:
        """Return py3-none-PLATFORM."""
        return "py3", "none", super().get_tag()[2]


setup(
    ext_modules=[
        Extension(
            "wingspan.eventlog._scan",
            ["src/wingspan/eventlog/scan.c", "src/wingspan/eventlog/columns.c"],
        )
    ],
    cmdclass={"build_ext": BuildLibrary, "bdist_wheel": PlatformWheel},
)

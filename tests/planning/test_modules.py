"""Modules are found, and distributions named, as Python would, without importing."""

import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest

from wingspan.planning.modules import locate, metadata_folders, version_of


def test_names_and_versions_are_those_of_importlib_metadata():
    """Every distribution installed here has the name and version that the standard library reads."""
    sites = [entry for entry in sys.path if Path(entry).name == "site-packages"]
    folders = [folder for site in sites for folder in Path(site).glob("*.dist-info")]
    found = {version_of(folder) for folder in folders}
    assert found == {(each.name, each.version) for each in distributions(path=sites)}
    assert len(found) > 20


@pytest.mark.parametrize(
    ("module", "distribution"),
    [
        ("numpy", "numpy"),
        ("sklearn", "scikit-learn"),
        ("dateutil", "python-dateutil"),
        ("_pytest", "pytest"),
        ("markdown_it", "markdown-it-py"),
        ("typing_extensions", "typing_extensions"),
    ],
)
def test_the_distribution_of_a_module_is_found(module, distribution):
    """By its own name where they agree, else by what distributions list."""
    place = locate(module, Path.cwd())
    assert place.kind == "distribution"
    assert [version_of(each)[0] for each in metadata_folders(module, place.folder)] == [
        distribution
    ]


@pytest.mark.parametrize(
    "module", ["json", "os", "sys", "itertools", "math", "xml.etree.ElementTree"]
)
def test_the_standard_library_is_told_from_the_rest(module):
    """Built-in, frozen, compiled and plain modules of Python itself."""
    assert locate(module, Path.cwd()).kind == "standard"


def test_a_module_that_is_nowhere_is_none(tmp_path):
    """A missing module and a missing submodule are not found; a file beside the asking one is."""
    (tmp_path / "beside_it.py").write_text("")
    assert locate("no_such_module_here", tmp_path) is None
    assert locate("json.no_such_module", tmp_path) is None
    assert locate("os.path.deeper", tmp_path) is None
    assert locate("beside_it", tmp_path).file == tmp_path / "beside_it.py"


def test_old_metadata_in_one_file_is_read(tmp_path):
    """An ``.egg-info`` file of a system's packages is name and version itself."""
    site = tmp_path / "dist-packages"
    (site / "somelib").mkdir(parents=True)
    info = site / "somelib-1.0.egg-info"
    info.write_text("Metadata-Version: 1.1\nName: Somelib\nVersion: 1.0\n\nBody: x\n")
    assert metadata_folders("somelib", site) == (info,)
    assert version_of(info) == ("Somelib", "1.0")

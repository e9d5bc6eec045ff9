"""What was reached from a step's function: digests, files and versions."""

from dataclasses import dataclass, field
from pathlib import Path

from wingspan.planning.modules import Place, metadata_files, metadata_folders, version_of
from wingspan.planning.project import Kept, Stamp, stamp


@dataclass(slots=True)
class Reached:
    """What was reached.

    Parameters
    ----------
    tops
        Top-level names of the libraries that are used.
    loaded
        Those of the libraries that importing the modules imports too, whether or not they are used.
    stamps
        The files it was read from, as they were.
    """

    own: dict[str, str] = field(default_factory=dict)
    modules: dict[str, str] = field(default_factory=dict)
    files: dict[str, Kept] = field(default_factory=dict)
    tops: set[str] = field(default_factory=set)
    loaded: set[str] = field(default_factory=set)
    distributions: dict[str, str] = field(default_factory=dict)
    wingspan: dict[str, str] = field(default_factory=dict)
    stamps: dict[Path, Stamp] = field(default_factory=dict)

    def copy(self) -> "Reached":
        """Return the same in containers of its own, but for the stamps."""
        own = (dict(self.own), dict(self.modules), dict(self.files))
        names = (set(self.tops), set(self.loaded))
        return Reached(*own, *names, dict(self.distributions), dict(self.wingspan), self.stamps)

    def add(self, other: "Reached") -> None:
        """Take in what another start has reached."""
        self.own |= other.own
        self.modules |= other.modules
        self.files |= other.files
        self.tops |= other.tops
        self.loaded |= other.loaded
        self.distributions |= other.distributions
        self.wingspan |= other.wingspan
        self.stamps |= other.stamps

    def add_distribution(self, name: str, place: Place) -> None:
        """Note a library's version, by what its installation wrote."""
        self.tops.add(name.partition(".")[0])
        self.stamps[place.folder] = stamp(place.folder)
        folders = metadata_folders(name, place.folder)
        for folder in folders:
            for file in metadata_files(folder):
                self.stamps[file] = stamp(file)
            title, version = version_of(folder)
            self.distributions[title] = version
        if not folders:
            self.distributions[name.partition(".")[0]] = "unknown version"

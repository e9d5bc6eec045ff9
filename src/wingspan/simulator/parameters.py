"""Read the parameters of a simulated pool from a name or a file, checked as a whole.

Two sets are shipped next to this file: ``corpus``, whose holds have the shape of those in public
event logs, and ``ospool``, where outages are more common than bugs and people more patient. Both are
shape priors, not the truth about any pool. Shares and probabilities are 0-1; a `spread` is the sigma
of the logarithm around the median.
"""

import difflib
import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, get_type_hints

from wingspan.errors import NotFoundError, SettingError
from wingspan.simulator.write import StampFormat


@dataclass(frozen=True, slots=True)
class Workload:
    """What is submitted. Memory in MB, sizes of transfers as seconds at an idle access point."""

    jobs_per_day: float = 3000.0
    users: int = 400
    user_zipf: float = 0.8  # share of the k-th user: k to the minus this
    cluster_median: float = 8.0
    cluster_spread: float = 1.3
    cluster_max: int = 400
    dag_share: float = 0.2  # clusters that are nodes of a DAG, one job each
    osdf_share: float = 0.35  # clusters whose inputs come by a file-transfer plug-in
    run_s: float = 800.0
    run_spread: float = 2.2
    run_max_s: float = 260_000.0
    memory_mb: float = 900.0
    memory_spread: float = 1.0
    transfer_s: float = 8.0
    image_update_s: float = 300.0  # between image-size events
    bad_exit: float = 0.2  # clusters whose jobs end with a bad exit code without being held


@dataclass(frozen=True, slots=True)
class Sites:
    """Where jobs run, and what takes them away from there."""

    sites: int = 40
    site_zipf: float = 1.0
    hosts_per_site: int = 60
    queue_s: float = 4.0
    queue_spread: float = 1.5
    evictions_per_hour: float = 0.16
    disconnects_per_hour: float = 0.02
    reconnects: float = 0.84
    shadow_exceptions: float = 0.12  # of starts
    starts_max: int = 30  # more starts than this, and the access point's policy holds the job


@dataclass(frozen=True, slots=True)
class Outage:
    """One kind of outage: its rate in the whole pool, its length, and the share that it holds."""

    per_day: float
    minutes: float
    spread: float
    severity: float


@dataclass(frozen=True, slots=True)
class Outages:
    """What breaks for a time: the transient causes."""

    site: Outage = Outage(0.8, 150.0, 1.2, 0.6)
    host: Outage = Outage(4.0, 400.0, 1.4, 0.8)
    access_point: Outage = Outage(0.2, 45.0, 1.0, 0.3)
    plugin: Outage = Outage(0.5, 70.0, 1.1, 0.5)


@dataclass(frozen=True, slots=True)
class Flaws:
    """What is wrong with jobs themselves, by share of clusters: the lasting causes."""

    bug: float = 0.06
    bug_in_part: float = 0.35  # of clusters with a bug, those in which only some jobs have it
    memory: float = 0.03  # clusters of which some inputs need more than the request
    disk: float = 0.006
    cpus: float = 0.004
    time: float = 0.04
    user_hold: float = 0.012  # clusters that their user puts on hold


@dataclass(frozen=True, slots=True)
class Habits:
    """What people and policies do about holds."""

    patience: float = (
        0.12  # mean share of holds which look like the environment's that are released
    )
    patience_for_jobs: float = 0.8  # times that, for holds which look like the job's own
    hope: float = 0.7  # of those, the share that is released as it is
    abandon: float = 0.04
    skill: float = 0.5  # fixes that do fix
    remove_s: float = 823.0
    remove_spread: float = 1.77
    release_s: float = 9000.0
    release_spread: float = 2.4
    remove_whole_cluster: float = 0.3
    policy: float = 0.02  # clusters with a bounded periodic_release after an hour
    loop: float = 0.003  # clusters with a periodic_release without a bound
    loop_s: float = 900.0
    removed_after_days: float = 14.0  # by the access point's policy


@dataclass(frozen=True, slots=True)
class LogOptions:
    """How the access points write their logs."""

    access_points: int = 3
    stamps: StampFormat = field(default_factory=StampFormat)
    header: bool = True
    job_ad_information: bool = False
    old_share: float = 0.4  # of access points, and of sites' texts, that are of old versions


@dataclass(frozen=True, slots=True)
class Parameters:
    """All about a simulated pool but the seed."""

    name: str = "unnamed"
    start: str = "2026-03-02T00:00:00+00:00"
    days: float = 10.0
    workload: Workload = field(default_factory=Workload)
    sites: Sites = field(default_factory=Sites)
    outages: Outages = field(default_factory=Outages)
    flaws: Flaws = field(default_factory=Flaws)
    habits: Habits = field(default_factory=Habits)
    log: LogOptions = field(default_factory=LogOptions)


SHIPPED = ("corpus", "ospool")
_SHARES = frozenset(
    [
        "dag_share",
        "osdf_share",
        "bad_exit",
        "reconnects",
        "shadow_exceptions",
        "severity",
        "bug",
        "bug_in_part",
        "memory",
        "disk",
        "cpus",
        "time",
        "user_hold",
        "patience",
        "patience_for_jobs",
        "hope",
        "abandon",
        "skill",
        "remove_whole_cluster",
        "policy",
        "loop",
        "old_share",
    ]
)
_MAY_BE_ZERO = _SHARES | frozenset(
    [
        "per_day",
        "spread",
        "cluster_spread",
        "run_spread",
        "memory_spread",
        "queue_spread",
        "remove_spread",
        "release_spread",
        "evictions_per_hour",
        "disconnects_per_hour",
        "user_zipf",
        "site_zipf",
    ]
)


def load_parameters(source: str | Path) -> Parameters:
    """Read a shipped set by name, or a TOML or JSON file.

    What a file leaves out is as in `Parameters`.

    Raises
    ------
    NotFoundError
        There is no such set nor file.
    SettingError
        Unknown names, or values out of range: all of them in one message.
    """
    path = Path(source)
    if str(source) in SHIPPED:
        text = files("wingspan.simulator").joinpath(f"{source}.toml").read_text(encoding="utf-8")
    elif path.is_file():
        text = path.read_text(encoding="utf-8")
    else:
        problem = "no parameter set has this name and no file is there"
        raise NotFoundError(str(source), problem, f"give a file or one of: {', '.join(SHIPPED)}")
    try:
        values = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except ValueError as error:
        raise SettingError(str(source), f"not readable: {error}", "correct the file") from error
    return parameters_from({"name": path.stem, **values}, str(source))


def parameters_from(values: Mapping[str, Any], where: str = "parameters") -> Parameters:
    """Make `Parameters` from nested mappings; raises `SettingError` with all that is wrong."""
    faults = [*_faults(Parameters, values, "")]
    if faults:
        fix = "the fields are those of wingspan.simulator.parameters.Parameters"
        raise SettingError(where, "; ".join(faults), fix)
    made: Parameters = _make(Parameters, values)
    return made


def _make(kind: type, values: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any of the dataclasses above
    hints = get_type_hints(kind)
    return kind(
        **{
            name: _make(hints[name], value)
            if is_dataclass(hints[name])
            else hints[name](value)  # a whole number for a float
            for name, value in values.items()
        }
    )


def _faults(kind: type, values: Mapping[str, Any], inside: str) -> Iterator[str]:
    hints = get_type_hints(kind)
    for name, value in values.items():
        place = f"{inside}{name}"
        if name not in hints:
            close = difflib.get_close_matches(name, hints) or sorted(hints)
            yield f"{place} is not known; close: {', '.join(close)}"
        elif is_dataclass(hints[name]):
            if isinstance(value, Mapping):
                yield from _faults(hints[name], value, f"{place}.")
            else:
                yield f"{place} is {value!r}, expected a table"
        elif fault := _value_fault(name, value, hints[name]):
            yield f"{place} {fault}"
    missing = [
        f.name for f in fields(kind) if kind is Outage and f.name not in values
    ]  # the only one without defaults
    if missing:
        yield f"{inside}{missing[0]} is missing"


def _value_fault(name: str, value: object, kind: type) -> str:
    accepted = (int, float) if kind is float else (kind,)
    if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
        return f"is {value!r}, expected {kind.__name__}"
    if name == "start":
        return _start_fault(str(value))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    if value < 0 or (value == 0 and name not in _MAY_BE_ZERO):
        return f"is {value}, expected more than 0"
    return f"is {value}, expected 0 to 1" if name in _SHARES and value > 1 else ""


def _start_fault(value: str) -> str:
    try:
        aware = datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        aware = False
    return "" if aware else f"is {value!r}, expected a time with zone as 2026-03-02T00:00:00+00:00"

"""``wingspan holds advise | watch | hook``: what to do about jobs that are held now."""

import json
import math
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wingspan.cli.logs import tell_empty
from wingspan.cli.lstm_options import import_from_here
from wingspan.cli.paper import wrap
from wingspan.errors import SettingError

if TYPE_CHECKING:
    from wingspan.advisor.actions import Bounds
    from wingspan.advisor.advice import Advice, Incident
    from wingspan.advisor.saved import Advisor
    from wingspan.eventlog.events import Events

_HELD = "JobStatus == 5"
_ATTRIBUTES = (
    "ClusterId", "ProcId", "HoldReasonCode", "HoldReasonSubCode", "HoldReason", "EnteredCurrentStatus",
    "UserLog", "DAGManNodesLog", "Iwd", "RequestMemory", "MemoryUsage", "ResidentSetSize",
    "RequestDisk", "DiskUsage", "NumJobStarts", "NumHolds",
)  # fmt: skip
_SHOWN = 5  # jobs of an incident with their evidence; the others by their ids


class Deed(Enum):
    """What may be done."""

    release = "release"
    remove = "remove"


Logs = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[LOG]...", help="Job event logs, of any kind, or folders of them."),
]
Schedd = Annotated[
    bool, typer.Option("--schedd", help="Ask the queue, and read the logs of the jobs held there.")
]
Model = Annotated[
    Path | None, typer.Option(help="Folder of a trained advisor: decides instead of the rates.")
]
Trusted = Annotated[
    str | None, typer.Option("--network", help="The model's network class of yours, trusted.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program.")]


def advise(
    logs: Logs = None,
    schedd: Schedd = False,
    every: Annotated[
        bool,
        typer.Option("--all", help="On every hold of the logs, with what was known then."),
    ] = False,
    model: Model = None,
    network: Trusted = None,
    as_json: AsJson = False,
    apply: Annotated[
        list[Deed] | None,
        typer.Option(
            help="Do it: release what is to be released, canaries first; remove on proof."
        ),
    ] = None,
    per_job: Annotated[int, typer.Option(min=1, help="Most releases of one job, ever.")] = 3,
    per_hour: Annotated[int, typer.Option(min=1, help="Most jobs acted on in an hour.")] = 100,
    cool_down: Annotated[
        float, typer.Option(help="Seconds to leave an incident alone after a release in vain.")
    ] = 600.0,
    wait: Annotated[float, typer.Option(help="Most seconds to wait for canaries.")] = 3600.0,
    settle: Annotated[
        float | None,
        typer.Option(help="Seconds a canary must run [default: twice as long as before its hold]."),
    ] = None,
    early: Annotated[
        bool, typer.Option("--early", help="Release also what is to be released later.")
    ] = False,
    audit: Annotated[
        Path | None,
        typer.Option(help="File of what was done [default: ~/.local/state/wingspan/holds.jsonl]."),
    ] = None,
) -> None:
    """Say what to do about held jobs, with the evidence.

    Per incident and per job. Only --apply acts.
    """
    if apply and (every or as_json):
        fix = "leave one of them out"
        raise SettingError("--apply", "does not go with --all or --json", fix)
    incidents = _incidents(logs or [], schedd, every, _advisor(model, network))
    tell_empty(logs or [])
    if as_json:
        print(json.dumps([_plain(asdict(each)) for each in incidents], indent=2))
    else:
        print("\n".join(map(_fit, _text(incidents))))
    if apply:
        from wingspan.advisor.actions import Bounds

        bounds = Bounds(per_job, per_hour, cool_down, wait, settle, early)
        _act(incidents, {deed.value for deed in apply}, bounds, audit)


def _act(
    incidents: "Sequence[Incident]", deeds: set[str], bounds: "Bounds", audit: Path | None
) -> None:
    from wingspan.advisor.actions import audit_file, release_advised, remove_proven
    from wingspan.pool.personal import use_pool

    use_pool()
    file = audit or audit_file()
    for deed, work in (("release", release_advised), ("remove", remove_proven)):
        for act in work(incidents, bounds, file) if deed in deeds else ():
            print(f"{act.what} {' '.join(act.jobs)}: {act.why}", flush=True)
    print(f"written down in {file}")


def watch(
    logs: Logs = None,
    schedd: Schedd = False,
    model: Model = None,
    network: Trusted = None,
    interval: Annotated[float, typer.Option(min=0.05, help="Seconds between looks.")] = 5.0,
    once: Annotated[bool, typer.Option("--once", help="Look once, then end.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print advice as holds occur, until Ctrl-C. Acts on nothing."""
    seen: set[tuple[str, str, float]] = set()
    advisor = _advisor(model, network)
    try:
        for _ in _looks(logs or [], interval, once):
            for incident in _incidents(logs or [], schedd, False, advisor):
                for job in incident.jobs:
                    key = (job.access_point, job.job, job.held_at)
                    if key in seen:
                        continue
                    seen.add(key)
                    said = json.dumps(_plain(asdict(job))) if as_json else "\n".join(_job(job))
                    print(said, flush=True)
    except KeyboardInterrupt:
        return


def hook(
    file: Annotated[Path, typer.Argument(help="File to append a line to.")],
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[WORD]...", help="Such as $JOBID and $NODE.")
    ] = None,
) -> None:
    """Append a line to a file: for DAGMan's SCRIPT HOLD.

    Which must end at once and change nothing.
    """
    from wingspan.advisor.actions import append_line

    append_line(file, {"time": time.time(), "held": words or []})


def _advisor(model: Path | None, network: str | None) -> "Advisor | None":
    if model is None:
        return None
    from wingspan.advisor.saved import load_advisor

    if network:
        import_from_here()
    return load_advisor(model, [network] if network else [])


def _incidents(
    logs: Sequence[Path], schedd: bool, every: bool, advisor: "Advisor | None"
) -> "tuple[Incident, ...]":
    from wingspan.eventlog.logs import read_logs

    if schedd == bool(logs):
        fix = "give event logs, or --schedd for the queue of the access point"
        raise SettingError("wingspan holds", "expected logs or --schedd, one of the two", fix)
    return _of_queue(advisor) if schedd else _of_events(read_logs(logs), every, advisor)


def _of_events(events: "Events", every: bool, advisor: "Advisor | None") -> "tuple[Incident, ...]":
    from wingspan.advisor.advise import advise as advise_on
    from wingspan.advisor.timeline import make_timeline

    return advise_on(make_timeline(events), every=every, advisor=advisor)


def _of_queue(advisor: "Advisor | None") -> "tuple[Incident, ...]":
    """Advise on what is held in the queue: by the jobs' own logs, else by their ads."""
    from wingspan.accesspoint.jobs import query
    from wingspan.advisor.advice import group
    from wingspan.advisor.advise import advise_ads
    from wingspan.eventlog.read import read_events
    from wingspan.pool.personal import use_pool

    use_pool()
    ads: dict[str, dict[str, Any]] = {
        f"{ad['ClusterId']}.{ad['ProcId']}": ad for ad in query(_HELD, _ATTRIBUTES)
    }
    found, numbers = [], []
    events = read_events(sorted(_logs_of(ads.values())))
    for number, incident in enumerate(_of_events(events, False, advisor)):
        for job in incident.jobs:
            if job.job in ads and ads[job.job].get("HoldReasonCode") == job.code:
                del ads[job.job]
                found.append(job)
                numbers.append(number)
    return (*group(found, numbers), *advise_ads(list(ads.values()), time.time()))


def _logs_of(ads: Iterable[dict[str, Any]]) -> set[Path]:
    named = {
        Path(str(ad.get("Iwd", "/"))) / str(ad[name])
        for ad in ads
        for name in ("UserLog", "DAGManNodesLog")
        if ad.get(name)
    }
    return {path for path in named if path.is_file()}


def _looks(logs: Sequence[Path], interval: float, once: bool) -> Iterator[None]:
    """Yield when there may be something new: of one log when it grew."""
    from wingspan.eventlog.rotation import follow

    if once:
        yield
        return
    if len(logs) == 1 and logs[0].is_file():
        for _ in follow(logs[0], every_s=interval):
            yield
    while True:
        yield
        time.sleep(interval)


def _text(incidents: "Sequence[Incident]") -> Iterator[str]:
    if not incidents:
        yield "no job is held (--all advises on every hold that a log tells of)"
        return
    yield f"{'incident':<9}{'jobs':>5}  {'code':<8}{'answer':<15}{'cause'}"
    for number, each in enumerate(incidents, 1):
        code = f"{each.code}/{each.subcode}"
        facts = f"{number:<9}{len(each.jobs):>5}  {code:<8}{each.answer:<15}"
        yield from wrap(f"{facts}{each.jobs[0].cause}", " " * len(facts)).splitlines()
    for number, each in enumerate(incidents, 1):
        yield f"\nincident {number}: {each.name}, {len(each.jobs)} jobs"
        if each.plan:
            yield f"  plan: {each.plan}"
        for job in each.jobs[:_SHOWN]:
            yield from (f"  {line}" for line in _job(job))
        for answer in dict.fromkeys(job.answer for job in each.jobs[_SHOWN:]):
            names = [job.job for job in each.jobs[_SHOWN:] if job.answer == answer]
            yield f"  {len(names)} more, {answer}: {' '.join(names)}"


def _fit(line: str) -> str:
    """Return a line wrapped below its own beginning; a command stays on one line, to be copied."""
    if line.lstrip().startswith("->"):
        return line
    bare = line.lstrip("\n")
    indent = " " * (len(bare) - len(bare.lstrip()) + 4)
    return "\n" * (len(line) - len(bare)) + wrap(bare, indent)


def _job(job: "Advice") -> Iterator[str]:
    at = f" at {datetime.fromtimestamp(job.at, UTC):%Y-%m-%d %H:%M}Z" if job.at > 0 else ""
    yield f"{job.job}: {job.answer}{at} (decided by {job.decided_by})"
    yield f"  reason: {' '.join(job.reason.split()) or '-'}"
    if not math.isnan(job.probability):
        yield f"  a release pays with {job.probability:.0%} ({job.low:.0%} to {job.high:.0%})"
    yield f"  -> {job.command or job.fix}"
    for line in job.evidence:
        yield f"  - {line}"


def _plain(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return the value with null for nan, which JSON has not."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (advise, watch, hook):
        app.command()(command)

"""Write the events that an access point records about what happened to a job.

Only what HTCondor knows goes in here: places, kinds of faults, numbers; causes stay in the truth.
"""

from wingspan.simulator import write
from wingspan.simulator.job import Job, Place, Run, Step
from wingspan.simulator.journal import Journal
from wingspan.simulator.reasons import Wording, wording
from wingspan.simulator.write import Transferred, Usage

_EVICTIONS = (  # code, reason: what takes jobs away on public logs
    (1010, "Claim vacated by the administrator"),
    (1011, "PREEMPT expression evaluated to TRUE"),
    (1013, "The startd was shut down"),
    (1014, "Slot is being drained"),
    (1007, "Error from starter: the starter exited unexpectedly"),
    (1018, "Claim preempted for a job with a higher rank"),
    (1019, "Claim preempted for a user with better priority"),
)
_EXCEPTIONS = (
    "Failed to create a user nobody",
    "Assertion ERROR on (lvm_setup_successful)",
    "Failed to connect to the starter",
    "Can no longer talk to condor_starter",
)
_DISCONNECTS = (
    "Socket between submit and execute hosts closed unexpectedly",
    "Local schedd and job shadow died, schedd now running again",
)
_LOST = (
    "Job not found at execution machine",
    "Job disconnected too long: JobLeaseDuration (2400 seconds) expired",
)
_ITEM_KB = 1024  # of input per job, in the numbers of bytes received


def host_name(place: Place) -> str:
    """Return the execution point's name."""
    return f"e{place.host:03d}.{place.site.name.lower()}.example.edu"


def slot_name(place: Place) -> str:
    """Return the slot's name: that of the host, or of a glidein on it."""
    if place.site.dialect % 3 == 0:
        return f"slot1_{place.slot}@{host_name(place)}"
    glidein = f"glidein_{place.tag % 90000 + 1000}_{place.tag * 7919 % 900_000_000}"
    return f"slot1_{place.slot % 16}@{glidein}@{host_name(place)}"


def sinful(place: Place) -> str:
    """Return the execution point's contact address."""
    port = 9618 if place.site.dialect % 3 == 0 else 20000 + place.tag % 40000
    address = _address(place)
    return (
        f"<{address}:{port}?addrs={address}-{port}&alias={host_name(place)}&noUDP"
        f"&sock=startd_{place.tag % 9000 + 1000}_{place.tag % 65535:04x}>"
    )


def record_submission(journal: Journal, job: Job, time: float) -> None:
    """000, with the note that belongs to it."""
    cluster = job.cluster
    note = f"DAG Node: node{job.proc + job.number}" if cluster.dag else ""
    notes = (note,) if note else (f'[ JobBatchName = "batch{cluster.number}" ]',)
    host = cluster.access_point.sinful
    journal.add(time, job, write.submitted(job.id, journal.stamp(time), host, notes=notes))


def record_run(journal: Journal, job: Job, run: Run, image_update_s: float) -> None:
    """Events of a run up to its stop, without the stop itself."""
    for step in run.steps:
        time, what, _, seconds, number = step
        if what == "image":
            journal.add_images(job, run, time, seconds, number, image_update_s)
        else:
            _RECORD[what](journal, job, run, step)


def record_end(journal: Journal, job: Job, run: Run) -> None:
    """005."""
    seconds = int(run.ran_s * 0.95)
    moved = Transferred(
        seconds,
        seconds // 40,
        1000 + job.proc,
        _ITEM_KB,
        seconds,
        seconds // 40,
        job.sent + 1000,
        job.received + _ITEM_KB,
    )
    text = write.terminated(
        job.id,
        journal.stamp(run.end),
        return_value=job.cluster.exit_code,
        moved=moved,
        usage=_usage(job, run.used_mb, run.ran_s),
    )
    journal.add(run.end, job, text)


def record_hold(journal: Journal, job: Job, run: Run, kind: str, time: float) -> Wording:
    """012 and what comes before it; returns code, sub-code and the text's template."""
    point = job.cluster.access_point
    place = run.place
    words = wording(
        kind,
        old=point.old,
        policy=point.policy,
        site=place.site.dialect if place else job.cluster.number,
    )
    fields = _fields(job, run, place)
    seen = Wording(
        words.code, words.subcode, words.reason.format_map(fields), words.error.format_map(fields)
    )
    if place:
        _record_before_hold(journal, job, run, seen, time)
    text = write.held(job.id, journal.stamp(time), seen.reason, seen.code, seen.subcode)
    journal.add(time, job, text)
    return words


def _record_before_hold(journal: Journal, job: Job, run: Run, seen: Wording, time: float) -> None:
    point, place = job.cluster.access_point, run.place
    if place is None:
        return
    if point.old:
        if seen.code in {12, 13, 6, 34}:
            text = write.shadow_exception(
                job.id, journal.stamp(time - 0.2), seen.reason, 0, _ITEM_KB
            )
            journal.add(time - 0.2, job, text)
        return
    if seen.error:
        slot = slot_name(place)
        text = write.remote_error(
            job.id, journal.stamp(time - 0.3), slot, seen.error, 13, seen.subcode
        )
        journal.add(time - 0.3, job, text)
    if point.policy != 1 and run.executes:
        text = write.evicted(
            job.id,
            journal.stamp(time - 0.1),
            code=seen.code,
            subcode=seen.subcode,
            reason=seen.reason,
            moved=Transferred(received=_ITEM_KB),
            usage=_usage(job, run.used_mb, run.ran_s),
        )
        journal.add(time - 0.1, job, text)


def _record_execute(journal: Journal, job: Job, run: Run, step: Step) -> None:
    time, _, place, _, _ = step
    if job.cluster.access_point.old:
        text = write.executing(job.id, journal.stamp(time), sinful(place))
    else:
        attributes = {
            "CondorScratchDir": f'"{_scratch(place)}"',
            "Cpus": "1",
            "Disk": str(_disk_kb(job)),
            "GLIDEIN_ResourceName": f'"{place.site.name}"',
            "Memory": str(job.request_mb),
        }
        text = write.executing(
            job.id, journal.stamp(time), sinful(place), slot_name(place), attributes
        )
    journal.add(time, job, text, run)


def _record_input(journal: Journal, job: Job, run: Run, step: Step) -> None:
    time, _, place, seconds, _ = step
    if job.cluster.access_point.old:
        return
    stamp = journal.stamp
    start = write.transfer(
        job.id, stamp(time), "Started transferring input files", to=sinful(place)
    )
    journal.add(time, job, start, run)
    if run.hold is None or time + seconds < run.end - 1:
        end = write.transfer(job.id, stamp(time + seconds), "Finished transferring input files")
        journal.add(time + seconds, job, end, run)


def _record_output(journal: Journal, job: Job, run: Run, step: Step) -> None:
    time, _, _, seconds, _ = step
    if job.cluster.access_point.old:
        return
    stamp = journal.stamp
    journal.add(
        time, job, write.transfer(job.id, stamp(time), "Started transferring output files"), run
    )
    end = write.transfer(job.id, stamp(time + seconds), "Finished transferring output files")
    journal.add(time + seconds, job, end, run)


def _record_evicted(journal: Journal, job: Job, run: Run, step: Step) -> None:
    """004; of one in fifty the execution point was lost before, which is 022 and 024."""
    time, _, place, seconds, used_mb = step
    code, reason = _EVICTIONS[place.tag % len(_EVICTIONS)]
    if place.tag % 50 == 0:
        code, reason = 1008, _LOST[place.tag // 50 % 2]
        before = time - min(seconds * 0.5, 2400.0)
        stamp, slot, host = journal.stamp, slot_name(place), sinful(place)
        why = _DISCONNECTS[place.tag // 100 % 2]
        journal.add(before, job, write.disconnected(job.id, stamp(before), why, slot, host), run)
        journal.add(time, job, write.reconnect_failed(job.id, stamp(time), reason, slot), run)
    old = job.cluster.access_point.old
    text = write.evicted(
        job.id,
        journal.stamp(time + 0.1),
        code=0 if old else code,
        reason="" if old else reason,
        moved=Transferred(int(seconds * 0.95), 0, 0, _ITEM_KB),
        usage=_usage(job, used_mb, seconds),
    )
    journal.add(time + 0.1, job, text, run)


def _record_disconnected(journal: Journal, job: Job, run: Run, step: Step) -> None:
    time, _, place, seconds, _ = step
    stamp, slot, host = journal.stamp, slot_name(place), sinful(place)
    why = _DISCONNECTS[place.tag % 2]
    journal.add(time, job, write.disconnected(job.id, stamp(time), why, slot, host), run)
    time += seconds
    journal.add(time, job, write.reconnected(job.id, stamp(time), slot, host, host), run)


def _record_suspended(journal: Journal, job: Job, run: Run, step: Step) -> None:
    time, _, _, seconds, _ = step
    journal.add(time, job, write.suspended(job.id, journal.stamp(time)), run)
    journal.add(time + seconds, job, write.unsuspended(job.id, journal.stamp(time + seconds)), run)


def _record_shadow(journal: Journal, job: Job, run: Run, step: Step) -> None:
    time, _, place, _, _ = step
    message = f"Error from {slot_name(place)}: {_EXCEPTIONS[place.tag % len(_EXCEPTIONS)]}"
    journal.add(time, job, write.shadow_exception(job.id, journal.stamp(time), message), run)


_RECORD = {
    "execute": _record_execute,
    "input": _record_input,
    "output": _record_output,
    "evicted": _record_evicted,
    "disconnected": _record_disconnected,
    "suspended": _record_suspended,
    "shadow": _record_shadow,
}


def _fields(job: Job, run: Run, place: Place | None) -> dict[str, object]:
    """Return the values for a reason's template.

    Files and programs are the cluster's, numbers the job's.
    """
    cluster, point = job.cluster, job.cluster.access_point
    name, salt = cluster.user.name, cluster.number * 7919 + job.proc
    home = f"/home/{name}/run{cluster.number % 97}"
    item = f"part_{job.proc}" if cluster.number % 3 else "shared"
    path = f"/ospool/{point.name}/data/{name}/{item}.tar.gz"
    tag = place.tag if place else salt
    return {
        "ap": point.name,
        "ap_ip": point.address,
        "user": name,
        "home": home,
        "file": f"{item}.csv" if cluster.number % 2 else f"inputs/{item}.tar.gz",
        "output": f"results/{item}.out" if cluster.number % 2 else "output.csv",
        "stdout": f"logs/{job.cluster_id}_{job.proc}.out",
        "command": f"{home}/run.sh" if cluster.number % 2 else "./train.py",
        "arguments": f"--part {job.proc}",
        "image": f"osdf:///ospool/{point.name}/data/{name}/image{cluster.number % 5}.sif",
        "url": f"osdf://{path}",
        "url_path": path,
        "slot": slot_name(place) if place else "",
        "ip": _address(place) if place else "",
        "port": 20000 + tag % 40000,
        "scratch": _scratch(place) if place else "",
        "cache": place.site.cache_name if place else "",
        "cache2": f"cache{tag % 7}.example.net",
        "mb": job.request_mb,
        "peak": int(run.used_mb),
        "number": 1000 + salt % 90_000_000,
        "bigger": 100_000_000 + salt % 90_000_000,
        "digit": 2 + tag % 7,
        "tenth": f"{tag % 90 / 10:.1f}",
        "hex": f"{tag * 2654435761 % 2**48:012x}",
        "limit": _clock(cluster.limit_s),
        "limit_s": int(min(cluster.limit_s, 1e9)),
        "starts": job.starts,
    }


def _address(place: Place) -> str:
    return f"10.{place.site.index}.{place.host // 250}.{place.host % 250 + 1}"


def _scratch(place: Place) -> str:
    root = ("/var/lib/condor/execute", "/scratch/condor/execute", "/tmp/glide_x/execute")
    return f"{root[place.site.dialect % 3]}/dir_{place.tag % 900_000 + 1000}"


def _clock(seconds: float) -> str:
    whole = int(min(seconds, 1e9))
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def _disk_kb(job: Job) -> int:
    return 1_048_576 + job.number % 1000


def _usage(job: Job, used_mb: float, ran_s: float) -> tuple[Usage, ...]:
    """Return the table's rows; without an execution there is no usage to record."""
    disk, cpu = _disk_kb(job), f"{0.5 + job.number % 50 / 100:.2f}" if ran_s > 0 else ""
    memory = str(int(used_mb)) if ran_s > 0 else ""
    return (
        Usage("Cpus", cpu, "1", "1"),
        Usage("Disk (KB)", str(disk // 9), "1048576", str(disk)),
        Usage("Memory (MB)", memory, str(job.request_mb), str(job.request_mb)),
    )

"""What a hold says: its text, what stands before it, and what was measured, also where no rule knows the text."""

import pytest

from wingspan.advisor.answers.advise import advise, advise_ads
from wingspan.advisor.answers.fix_first import amounts, durations
from wingspan.advisor.answers.measured import CPUS, DISK, MEMORY


def one(incidents):
    ((job,),) = [each.jobs for each in incidents]
    return job


def log(event, *rows):
    """A job that is submitted and starts, and what follows: (event number, details..)."""
    text = event(0, 1, 0) + event(5, 1, 1, "host1")
    return text + "".join(event(10 + n, 1, code, *more) for n, (code, *more) in enumerate(rows))


def test_memory_without_a_number_is_taken_from_the_image_sizes(write, event):
    """A policy names memory in its own words; the request comes from the job's 006 events."""
    reason = "Job in status 2 put on hold by SYSTEM_PERIODIC_HOLD due to memory usage."
    job = one(advise(write(log(event, (6, 2900), (12, 26, reason, 0)))))
    assert job.answer == "fix first"
    assert job.command.startswith("condor_qedit 1.0 RequestMemory 4352 ")
    assert "measured peak 2900 MB" in job.evidence[-1]


@pytest.mark.parametrize(
    "reason",
    [
        "Der Job verwendet 2900 MB, erlaubt sind 2048 MB",
        "2.9 GB > 2 GB: \u0437\u0430\u0434\u0430\u043d\u0438\u0435 \u043e\u0441\u0442\u0430\u043d\u043e\u0432\u043b\u0435\u043d\u043e",
    ],
)
def test_other_languages_are_read_by_their_numbers(write, event, reason):
    """No word is known, but the amount is what was measured: the cause says that it is from the log."""
    job = one(advise(write(log(event, (6, 2900), (12, 26, reason, 7)))))
    assert job.cause.startswith("Its text is not known, but the log says: the job used more memory")
    assert "RequestMemory" in job.command


def test_numbers_that_nothing_measured_say_nothing(write, event):
    """An amount unlike what the job used, or none at all, leaves the cause unknown."""
    for reason in ("Bitte melden: Fall 2900", "limit 90000 MB"):
        job = one(advise(write(log(event, (6, 100), (12, 26, reason, 7)))))
        assert job.answer == "no evidence"
        assert not job.command


def test_silent_holds_are_read_by_the_exception_before_them(write, event):
    """`Reason unspecified` after a shadow exception has the exception's cause; the reason stays what the queue says."""
    said = "Error from slot1@e1: Job has gone over memory limit of 512 megabytes"
    exception = event(20, 1, 7).replace("lost", said)
    text = log(event, (6, 510)) + exception + event(20, 1, 12, 0, "Reason unspecified", 0)
    job = one(advise(write(text)))
    assert job.cause == "The job used more memory than it requested."
    assert job.reason == ""
    old = log(event, (6, 510)) + exception + event(30, 1, 1, "host2")
    job = one(advise(write(old + event(40, 1, 12, 0, "Reason unspecified", 0))))
    assert job.answer == "no evidence"  # the exception was of an earlier run


def test_time_limits_of_the_job_are_doubled(write, event):
    """Codes 46 and 47 are the job's own limits: the line that raises them is ready."""
    reason = "The job exceeded allowed execute duration of 20:00:00"
    job = one(advise(write(log(event, (12, 47, reason, 0)))))
    assert job.command.startswith("condor_qedit 1.0 AllowedExecuteDuration 144000 ")


def test_too_many_cpus_are_requested_as_many_as_were_used(write, event):
    """The number of CPUs stands in the text."""
    reason = "Excessive CPU usage. Job used 9 CPUs, while request_cpus=1."
    job = one(advise(write(log(event, (12, 26, reason, 102)))))
    assert job.command.startswith("condor_qedit 1.0 RequestCpus 9 ")


def test_ads_are_measured_too():
    """A queued job's ad says what it used, also where its text says nothing."""
    ad = {"ClusterId": 7, "ProcId": 0, "HoldReasonCode": 26, "HoldReasonSubCode": 3, "HoldReason": "Regel 7",
          "EnteredCurrentStatus": 1000, "MemoryUsage": 3000, "RequestMemory": 2048}  # fmt: skip
    job = one(advise_ads([ad], 2000.0))
    assert "RequestMemory 4608" in job.command


@pytest.mark.parametrize(
    ("reason", "resource", "expected"),
    [
        ("memory usage 10572684.", MEMORY, [10325]),
        ("Memory of 4G as per rules exceeded", MEMORY, [4096]),
        ("used 8192 MB but only requested 4096 MB", MEMORY, [8192, 4096]),
        ("memory usage 2300000 greater than requested 2100000.", MEMORY, [2247, 2051]),
        ("disk usage greater than 38GB.", DISK, [38 << 20]),
        ("it used 15000000 KB", DISK, [15000000]),
        ("peak was 3.4 GiB, requested 2GiB", MEMORY, [3482, 2048]),
        ("Speicher: 5,2 GB von 4 GB", MEMORY, [5325, 4096]),
        ("memory usage 3,250,000 KB", MEMORY, [3174]),
        ("Limite de m\u00e9moire: 4096 Mo", MEMORY, [4096]),
        ("2147483648 bytes of memory", MEMORY, [2048]),
        ("Job used 9.3 CPUs", CPUS, [10]),
        ("memory limit: 8G used: 9.2G", MEMORY, [8192, 9421]),
        ("12/8 GB of memory", MEMORY, [12288, 8192]),
        ("memory 4.096,5 MB", MEMORY, [4097]),
        ("memory usage 1e6 KB", MEMORY, [977]),
        ("5 000 MB of memory", MEMORY, [5000]),
        ("8589934592 B of memory", MEMORY, [8192]),
        ("mem 9000 > 8000", MEMORY, [9000, 8000]),
        ("4096 MiBs", MEMORY, [4096]),
        ("MemoryUsage=3120 RequestMemory=2048", MEMORY, [3120, 2048]),
        ("2 Go demand\u00e9s, 3 Go utilis\u00e9s", MEMORY, [2048, 3072]),
        ("memory 120% of 4 GB", MEMORY, [4096]),
        ("disk 10,5 GB", DISK, [11010048]),
        ("CpusUsage 7.9 > RequestCpus 1", CPUS, [8, 1]),
        ("780% CPU", CPUS, [8]),
        ("cpus=12", CPUS, [12]),
        ("12-core job", CPUS, [12]),
        ("nothing", MEMORY, []),
    ],
)
def test_amounts_have_units(reason, resource, expected):
    """Amounts are converted to the request's unit; bare ones are read as HTCondor counts them."""
    assert amounts(reason, resource) == expected


def test_durations_have_units():
    """Clocks and spans are seconds."""
    assert durations("of 3+00:00:00") == [259200.0]
    assert durations("limit 1:30:00") == [5400.0]
    assert durations("within 72 hrs") == [259200.0]
    assert durations("maximum (7200 seconds)") == [7200.0]
    assert durations("3d 4h") == [273600.0]
    assert durations("1 day 12 hours") == [129600.0]
    assert durations("2h30m, limit 2 h") == [9000.0, 7200.0]
    assert durations("2-00:00:00") == [172800.0]
    assert durations("172,800 seconds") == [172800.0]
    assert durations("24 Stunden") == durations("24-hour limit") == [86400.0]
    assert durations("3 jours") == [259200.0]

"""Submit commands become the ad that condor_submit makes of them."""

import pytest

from wingspan.accesspoint import remove, submit
from wingspan.accesspoint.expressions import clauses, readable
from wingspan.accesspoint.idle import queued_ads
from wingspan.accesspoint.request import job_ad
from wingspan.errors import SettingError

BASE = {"executable": "/bin/sleep", "should_transfer_files": "YES", "hold": "true"}
VALUES = (
    "RequestCpus", "RequestMemory", "RequestDisk", "RequestGPUs", "RequireGPUs", "GPUsMinMemory", "GPUsMinCapability",
    "ConcurrencyLimits", "Lab", "Deep", "JobUniverse",
)  # fmt: skip
AMOUNTS = ("Request", "versionGE")  # clauses on amounts, which matching makes itself


def essence(ad):
    """Give what matching reads of an ad: values worked out, and the set of clauses without those on amounts."""
    values = {name: ad.eval(name) for name in VALUES if name in ad and name != "RequireGPUs"}
    gpus = (
        {readable(part) for part in clauses(str(ad.lookup("RequireGPUs")))}
        if "RequireGPUs" in ad
        else set()
    )
    parts = {readable(part) for part in clauses(str(ad.lookup("Requirements")))}
    return values, gpus, {part for part in parts if not any(word in part for word in AMOUNTS)}


@pytest.mark.htcondor
@pytest.mark.parametrize(
    "commands",
    [
        {"request_cpus": "3", "request_memory": "1.5GB", "request_disk": "2GB"},
        {"transfer_input_files": "osdf:///a/b,/etc/hostname, http://127.0.0.1/y"},
        {"request_memory": "700", "request_disk": "5000", "+Lab": '"a"', "My.Deep": "3 + 4"},
        {"request_memory": "int(max({ 100 * 2, 3 }))", "concurrency_limits": "license:2"},
        {"request_gpus": "2", "require_gpus": "Capability > 3", "gpus_minimum_memory": "4GB"},
        {"request_gpus": "1", "gpus_minimum_capability": "8.6", "gpus_maximum_capability": "9"},
        {"requirements": 'Arch == "X" && (A || B)'},
        {"requirements": 'TARGET.OpSysAndVer == "Y"'},
        {"container_image": "docker://python:3.12"},
        {"container_image": "/images/a.sif"},
        {"container_image": "/images/folder/"},
    ],
)
def test_the_ad_is_that_of_condor_submit(pool, commands):
    """Values and clauses are compared with a real submission on hold."""
    given = {"request_memory": "64", "request_disk": "1MB", "request_cpus": "1", **commands}
    cluster = submit({**BASE, **given})
    try:
        (real,) = queued_ads(f"ClusterId == {cluster}")
        ours, theirs = essence(job_ad(given, "me")), essence(real)
        assert ours[0] == theirs[0]
        assert ours[2] == theirs[2]
        if any("minimum" in name or "require_gpus" in name for name in commands):
            assert ours[1] == theirs[1]
    finally:
        remove(str(cluster), "end of test")


@pytest.mark.htcondor
def test_a_command_that_is_no_expression_is_refused(pool):
    """The command is named."""
    with pytest.raises(SettingError, match="submit command requirements: expected a ClassAd"):
        job_ad({"requirements": "a =="}, "me")
    with pytest.raises(SettingError, match="submit command \\+Lab"):
        job_ad({"+Lab": '"a'}, "me")

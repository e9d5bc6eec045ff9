"""Talk to an access point and its pool.

This is the only package that imports HTCondor's bindings (htcondor2, classad2).
"""

from wingspan.accesspoint.jobs import edit, hold, query, release, remove, submit, submit_dag
from wingspan.accesspoint.status import Amount, PoolStatus, UserJobs, pool_status
from wingspan.accesspoint.versions import Versions, check_versions, versions

__all__ = [
    "Amount",
    "PoolStatus",
    "UserJobs",
    "Versions",
    "check_versions",
    "edit",
    "hold",
    "pool_status",
    "query",
    "release",
    "remove",
    "submit",
    "submit_dag",
    "versions",
]

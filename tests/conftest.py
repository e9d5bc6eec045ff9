"""What tests share: a private pool of real HTCondor daemons, one per test process, for whoever asks for it."""

import os
import shutil
from pathlib import Path

import pytest

from wingspan.errors import WingspanError
from wingspan.pool.install import install
from wingspan.pool.personal import start_pool, stop_pool

POOLS = Path("/var/tmp")  # DAGMan refuses to work under /tmp


def clear_abandoned():
    """Stop and remove pools of test processes that were killed."""
    for folder in POOLS.glob(f"wingspan-pool-tests-{os.getuid()}-*"):
        if not Path("/proc", folder.name.rpartition("-")[2]).exists():
            stop_pool(folder)
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def pool():
    """Give a `Pool` that runs, with this process's environment set to it; jobs of several tests share it."""
    clear_abandoned()
    folder = POOLS / f"wingspan-pool-tests-{os.getuid()}-{os.getpid()}"
    try:
        running = start_pool(folder, cpus=8, memory_mb=16384, daemons=install())
    except WingspanError as error:
        pytest.skip(f"NO POOL, so what needs real HTCondor daemons is not tested: {error}")
    before = dict(os.environ)
    os.environ.update(running.environment)
    yield running
    os.environ.clear()
    os.environ.update(before)
    running.stop()
    shutil.rmtree(folder)


@pytest.fixture
def job_folder(pool, request):
    """Give a new folder outside /tmp, where the files of jobs and DAGs may lie."""
    folder = pool.folder / "tests" / request.node.name.replace("/", "_")
    folder.mkdir(parents=True)
    return folder

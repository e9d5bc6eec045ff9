import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def loans():
    """The real loan table, where it is at hand."""
    beside = Path(__file__).parents[2] / "../shared"
    shared = Path(os.environ.get("WINGSPAN_SHARED", beside))
    path = shared / "data/loan/loan_data.csv"
    if not path.is_file():
        pytest.skip("the loan data set is not here: set WINGSPAN_SHARED to the folder that has it")
    return path

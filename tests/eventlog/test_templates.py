"""Templates: what differs between jobs is masked, what tells causes apart stays."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wingspan.eventlog.templates import mask, masks

REASONS = {
    "Error from slot1_5@vm: memory usage exceeded request_memory": "Error from <SLOT>: memory usage exceeded request_memory",
    "via condor_rm (by user ian.ross)": "via condor_rm (by user <NAME>)",
    "reading from file /pool/a/dir_12630/scratch/out.txt: (errno 2) No such file or directory": (
        "reading from file <PATH>: (errno <N>) No such file or directory"
    ),
    "couldn't write to bf53842f/5_12713942.out: Disk quota exceeded (-1!=98)": None,
    "SHADOW at 128.105.68.62 failed to send file(s) to <10.0.0.1:45>": "SHADOW at <HOST> failed to send file(s) to <ADDRESS>",
    "Docker job has gone over memory limit of 128 Mb": "Docker job has gone over memory limit of <N> Mb",
    "pelican: osdf:///ospool/ap40/data/x.tar failed after 12.5s": None,
}


@pytest.mark.parametrize(("text", "template"), REASONS.items())
def test_mask(text, template):
    """Numbers, paths, hosts, slots and users are masked; the words stay."""
    if template is not None:
        assert mask(text) == template
    assert not any(digit in mask(text) for digit in "0123456789")


@pytest.mark.parametrize("text", REASONS)
def test_masking_twice_changes_nothing(text):
    """A template is its own template."""
    assert mask(mask(text)) == mask(text)


@given(
    st.lists(
        st.from_regex(r"([a-f0-9x./:@ <(-]{0,6}[0-9]{1,9}[a-zA-Z .,:/)>-]{0,4}){1,4}"), max_size=5
    )
)
@example(["job 12 of x.5", "job 34 of x.5", "job 34 of x.7"])
@example(["1.a5 12", "3.a4 12"])
def test_templates_of_many_reasons_are_those_of_each(reasons):
    """Reasons that differ in digits alone are masked once, and right."""
    assert masks(reasons) == {reason: mask(reason) for reason in reasons}

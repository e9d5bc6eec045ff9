"""The report of one step of a run, from the plan, the step's last event and its folder."""

from collections import Counter
from collections.abc import Mapping

from wingspan.planning.plan import PlannedStep
from wingspan.runner.events import StepEvent
from wingspan.runner.failure import report
from wingspan.runner.protocol import Trail
from wingspan.runner.run_folder import RunFolder, read_result

_MEMBERS = 6  # of a list whose members are listed


def report_of(
    name: str,
    steps: Mapping[str, PlannedStep],
    event: StepEvent,
    folder: RunFolder,
    trail: Trail,
    *,
    output: bool,
    fix: str,
) -> str:
    """Return a step's failure, its inputs, the end of its output and the command to rerun it."""
    step = steps[name]
    attempts = folder.attempts(step.key)
    names = {other.key: other.name for other in steps.values()}
    inputs = {place: f"result of {names.get(key, key)}" for place, (key, _) in step.inputs.items()}
    inputs |= {
        part.partition(" ")[2]: value
        for part, value in step.components.items()
        if part.startswith(("parameter ", "file "))
    }
    attempt = attempts[-1] if attempts else folder.step(step.key)
    result = read_result(attempt) if attempts else trail.sent(step.key)
    title = (event.state, event.problem, fix)
    return report(name, result, title, attempt, _folded(inputs), output=output)


def _folded(inputs: Mapping[str, str]) -> dict[str, str]:
    """Return inputs with the members of a long list as one line.

    >>> _folded({f"sizes.{n}": "1" for n in range(9)} | {"rate": "0.1"})
    {'sizes': '9 values', 'rate': '0.1'}
    """
    lists = {name: name.rpartition(".")[0] for name in inputs if name.rpartition(".")[2].isdigit()}
    counts = Counter(lists.values())
    folded = {}
    for name, value in inputs.items():
        count = counts[lists.get(name, "")]
        many = count > _MEMBERS
        folded[lists[name] if many else name] = f"{count} values" if many else value
    return folded

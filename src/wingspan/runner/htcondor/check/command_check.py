"""Find the submit commands that HTCondor would refuse or ignore.

They come from steps and from a pool's profile.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from wingspan.accesspoint.dry_run import refusal_of
from wingspan.accesspoint.expressions import expression_problem
from wingspan.errors import SettingError
from wingspan.files import json_text
from wingspan.pipeline.resources import Resources
from wingspan.pipeline.submit_commands import is_expression
from wingspan.planning.plan import PlannedStep
from wingspan.runner.htcondor.check.preflight import Check
from wingspan.runner.htcondor.profile import Profile
from wingspan.runner.htcondor.write.submit_description import description_alone
from wingspan.runner.submit_warnings import command_warnings, given_commands
from wingspan.shown import listed

_FIX = "correct the command; nothing was submitted"


def check_commands(
    steps: Sequence[PlannedStep], profile: Profile, *, ask: bool = False
) -> list[Check]:
    """Check the expressions among the submit commands, and look for misspelt names.

    Nothing is returned where no command is given.

    Parameters
    ----------
    ask
        Ask condor_submit about commands that seem to be right.
    """
    named = [(f"[pools.{profile.name}]", profile.submit), *given_commands(steps)]
    checks = [
        Check("submit commands", False, f"{where}: {problem}", _FIX)
        for where, commands in named
        for problem in _wrong(commands)
    ]
    if ask and not checks:
        checks = check_submission(steps, profile)
    warnings = command_warnings(steps, profile.name, profile.submit)
    checks += [Check("submit commands", True, text, warning=True) for text in warnings]
    if not checks and any(commands for _, commands in named):
        checks = [Check("submit commands", True, "all are known to HTCondor")]
    return checks


def check_submission(steps: Iterable[PlannedStep], profile: Profile) -> list[Check]:
    """Ask condor_submit about each different request with submit commands of the user's."""
    return [Check("submit commands", False, text, _FIX) for text in _refused(steps, profile)]


def require_ok(checks: Iterable[Check]) -> None:
    """Refuse what one of the checks has found.

    Raises
    ------
    SettingError
        All that is wrong.
    """
    wrong = [check for check in checks if not check.ok]
    if wrong:
        found = "; ".join(check.found for check in wrong)
        raise SettingError(wrong[0].name, found, wrong[0].fix)


def _wrong(commands: Mapping[str, str]) -> Iterator[str]:
    """Yield what is wrong with the expressions among some submit commands."""
    for name, value in commands.items():
        problem = expression_problem(value) if is_expression(name) else ""
        if problem:
            yield f"{name} = {value}: {problem}"


def _refused(steps: Iterable[PlannedStep], profile: Profile) -> Iterator[str]:
    """Yield what condor_submit says about each different request with submit commands."""
    requests: dict[str, list[PlannedStep]] = {}
    for step in steps:
        if profile.submit or step.resources.get("submit"):
            requests.setdefault(json_text(step.resources), []).append(step)
    for alike in requests.values():
        asked = Resources(**alike[0].resources)
        said = refusal_of(description_alone(asked, profile))
        own = replace(asked, submit={})
        if said and not refusal_of(description_alone(own, replace(profile, submit={}))):
            commands = ", ".join({**profile.submit, **asked.submit})
            names = listed([step.name for step in alike])
            yield f"step {names}: condor_submit refuses {commands}: {said}"

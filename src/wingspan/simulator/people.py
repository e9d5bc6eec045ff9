"""Model what people and policies do about holds, by a hold's look and a user's habits.

They see what the log shows, never the cause: the reason's first-day rule says whose matter it
seems to be.
"""

from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Literal

from wingspan.eventlog.codes import HoldCode
from wingspan.eventlog.rules import Rule, explain
from wingspan.simulator.parameters import Habits
from wingspan.simulator.reasons import Wording
from wingspan.simulator.world import User, spread_of

Action = Literal["remove", "release", "edit", "fix", "abandon"]

_OWN = frozenset({HoldCode.UserRequest, HoldCode.SubmittedOnHold})
_RESOURCES = ("RequestMemory", "RequestDisk", "RequestCpus", "Duration")


@dataclass(frozen=True, slots=True)
class Reaction:
    """What a user will do, and after how many seconds, to all jobs held for the same code."""

    action: Action
    after_s: float


def react(user: User, habits: Habits, seen: Wording, random: Random) -> Reaction:
    """Draw what a user does about a hold whose reason is of this template."""
    if random.random() < habits.abandon:
        return Reaction("abandon", 0.0)
    action = _action(user, habits, seen, random)
    if action == "remove":
        return Reaction(action, 5 + spread_of(random, habits.remove_s, habits.remove_spread))
    return Reaction(action, 30 + spread_of(random, habits.release_s, habits.release_spread))


@cache
def _explain(seen: Wording) -> Rule:
    return explain(seen.code, seen.subcode, seen.reason)


def _action(user: User, habits: Habits, seen: Wording, random: Random) -> Action:
    if seen.code in _OWN:
        return "release" if random.random() < 0.7 else "remove"
    rule = _explain(seen)
    if rule.origin == "environment":
        return "release" if random.random() < user.patience else "remove"
    if random.random() >= user.patience * habits.patience_for_jobs:
        return "remove"
    if random.random() < habits.hope:
        return "release"
    return "edit" if any(word in rule.fix for word in _RESOURCES) else "fix"

"""Replace users, hosts, paths and values of parameters, so that a page can be shared.

Equal texts get equal names, such as ``host-2``, so that a reader still sees what belongs together.
"""

import getpass
import os
import re
import shlex
import socket
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from wingspan.report.details import step_id
from wingspan.report.run_facts import FailureFacts, RunFacts
from wingspan.report.step_facts import StepFacts

if TYPE_CHECKING:
    from wingspan.report.log_facts import LogFacts
    from wingspan.tabular.card import Card

NOTE: Final = (
    "Redacted: users, hosts, paths and values of parameters have names such as user-1. "
    "What steps printed, and pictures of parameters, are left out."
)
_PATH: Final = re.compile(r"(?<![\w.:/<])~?/[\w.+@%:=,~-]+(?:/[\w.+@%:=,~-]+)*/?")
_FILE: Final = re.compile(
    r"(?<![\w./-])[\w.-]+(?:/[\w.-]+)*\.(?:py|csv|parquet|json|yaml|yml|toml|log|txt|sub|dag)\b"
)
_ADDRESS: Final = re.compile(
    r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?(?![\d.])|[\w.+-]+@[\w.-]+\w"
)
_PLAIN: Final = frozenset(
    {"", "true", "false", "null", "none", "empty tuple", "tuple", "list", "dict"}
)
_LABEL: Final = re.compile(r"\[(.+)\]$")


class Redactor:
    """Gives names to what must not be shown."""

    def __init__(self, users: Iterable[str], hosts: Iterable[str], values: Iterable[str]) -> None:
        self._names: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        bare = {value.strip('"') for value in values}
        known = [("user", set(users)), ("host", set(hosts)), ("value", bare)]
        found: dict[str, str] = {}
        for kind, texts in known:
            for text in sorted(texts, key=lambda each: (-len(each), each)):
                if text.lower() not in _PLAIN and text not in found:
                    found[text] = self._name(kind, text)
        words = "|".join(re.escape(text) for text in sorted(found, key=len, reverse=True))
        self._known = re.compile(rf"(?<![\w.])(?:{words})(?![\w]|\.\d)") if words else None
        self._found = found

    def _name(self, kind: str, text: str) -> str:
        """Return the name of a text, the same each time."""
        if text not in self._names:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._names[text] = f"{kind}-{self._counts[kind]}"
        return self._names[text]

    def text(self, text: str) -> str:
        """Return a text with all that is known, or looks like a path or an address, replaced."""
        text = _PATH.sub(lambda found: self._name("path", found[0].rstrip("/")), text)
        text = _ADDRESS.sub(lambda found: self._name("host", found[0]), text)
        text = _FILE.sub(lambda found: self._name("path", found[0]), text)
        return self._known.sub(lambda found: self._found[found[0]], text) if self._known else text

    def path(self, text: str) -> str:
        """Return the name of a path."""
        return self._name("path", text.rstrip("/")) if text else ""

    def host(self, text: str) -> str:
        """Return the name of a host."""
        return self._name("host", text) if text else ""

    def user(self, text: str) -> str:
        """Return the name of a user."""
        return self._name("user", text) if text else ""

    def value(self, text: str) -> str:
        """Return the name of a value, also of one that says little."""
        return self._name("value", text.strip('"')) if text else ""

    def values(self, rows: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """Return names with their values replaced."""
        return tuple((name, self.value(value)) for name, value in rows)

    def command(self, command: str) -> str:
        """Return a command with its files and the values of its options and settings replaced."""
        words, named = [], False
        for word in shlex.split(command):
            name, equals, value = word.partition("=")
            if equals:
                words.append(f"{name}={self.value(value)}")
            else:
                words.append(self.value(word) if named and word[:1] != "-" else self.text(word))
            named = word.startswith("-") and not equals
        return shlex.join(words)


def _here() -> tuple[set[str], set[str]]:
    """Return the users and hosts that are known on this machine."""
    users = {Path.home().name} - {"root"}
    with suppress(OSError, KeyError):
        users.add(getpass.getuser())
    users |= {os.environ[name] for name in ("USER", "LOGNAME") if os.environ.get(name)}
    host = socket.gethostname()
    return users, {host, host.partition(".")[0]}


def redactor_of(facts: RunFacts) -> Redactor:
    """Return the redactor of a run's users, hosts and values."""
    users, hosts = _here()
    hosts |= {one.host for step in facts.steps for one in step.attempts if one.host}
    values = {value for _, value in facts.parameters}
    values |= {value for step in facts.steps for _, value in step.parameters}
    values |= {found[1] for step in facts.steps if (found := _LABEL.search(step.name))}
    return Redactor(users, hosts, values)


def redacted_run(facts: RunFacts, by: Redactor) -> RunFacts:
    """Return what is known of a run, without users, hosts, paths and values."""
    label, metrics = facts.chosen
    return replace(
        facts,
        on=by.text(facts.on),
        command=by.command(facts.command),
        parameters=by.values(facts.parameters),
        steps=tuple(_step(step, by) for step in facts.steps),
        stretches=tuple(
            replace(one, step=by.text(one.step), place=by.host(one.place))
            for one in facts.stretches
        ),
        failures=tuple(_failure(one, by) for one in facts.failures),
        results=tuple((by.text(name), by.text(text)) for name, text in facts.results),
        numbers={by.text(name): values for name, values in facts.numbers.items()},
        studies={by.text(name): study for name, study in facts.studies.items()},
        evaluations={by.text(name): one for name, one in facts.evaluations.items()},
        chosen=(by.text(label), metrics),
        notes=tuple(map(by.text, facts.notes)),
        importances={by.text(name): one for name, one in facts.importances.items()},
        curves={
            name: {by.text(step): points for step, points in of.items()}
            for name, of in facts.curves.items()
        },
    )


def _step(step: StepFacts, by: Redactor) -> StepFacts:
    event = step.event
    return replace(
        step,
        name=by.text(step.name),
        event=replace(
            event,
            step=by.text(event.step),
            problem=by.text(event.problem),
            fix=by.text(event.fix),
            note=by.text(event.note),
        ),
        reason=by.text(step.reason),
        needs=tuple(map(by.text, step.needs)),
        inputs=tuple((place, by.text(of)) for place, of in step.inputs),
        parameters=by.values(step.parameters),
        files=tuple((by.path(name), by.path(path), digest) for name, path, digest in step.files),
        attempts=tuple(
            replace(one, host=by.host(one.host), reason=by.text(one.reason))
            for one in step.attempts
        ),
    )


def _failure(one: FailureFacts, by: Redactor) -> FailureFacts:
    """Return a failure without the step's last output."""
    return FailureFacts(
        tuple(map(by.text, one.steps)),
        by.text(one.problem),
        by.text(one.fix),
        by.host(one.host),
        "",
        by.text(one.trace),
        "",
    )


def redacted_details(details: Mapping[str, Mapping[str, Any]], by: Redactor) -> dict[str, Any]:
    """Return what clicks show, without users, hosts, paths and values."""
    found = {}
    for one in details.values():
        parts = [
            {**part, "pairs": [[key, by.value(value)] for key, value in part["pairs"]]}
            if part["title"] == "Parameters"
            else {
                "title": part["title"],
                **_deep({k: v for k, v in part.items() if k != "title"}, by),
            }
            for part in one["parts"]
        ]
        title = by.text(one["title"])
        found[step_id(title)] = {"title": title, "parts": parts}
    return found


def _deep(value: Any, by: Redactor) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, str):
        return by.text(value)
    if isinstance(value, Mapping):
        return {name: _deep(each, by) for name, each in value.items()}
    return [_deep(each, by) for each in value] if isinstance(value, list | tuple) else value


def redacted_log(facts: "LogFacts") -> "LogFacts":
    """Return what logs say, without users, hosts and paths."""
    users, hosts = _here()
    jobs = [job for incident in facts.incidents for job in incident.jobs]
    users |= {job.owner for job in jobs}
    hosts |= {job.host for job in jobs} | {one.name for one in facts.summary.hosts}
    users |= {one.name for one in facts.summary.users}
    hosts |= {one.name for one in facts.summary.sites}
    hosts |= {*facts.summary.access_points, *(job.access_point for job in jobs)}
    by = Redactor(users - {""}, hosts - {""}, ())
    summary = facts.summary
    return replace(
        facts,
        names=tuple(map(by.path, facts.names)),
        summary=replace(
            summary,
            access_points=tuple(map(by.host, summary.access_points)),
            hosts=tuple(replace(one, name=by.host(one.name)) for one in summary.hosts),
            sites=tuple(replace(one, name=by.host(one.name)) for one in summary.sites),
            users=tuple(replace(one, name=by.user(one.name)) for one in summary.users),
            damage=tuple(replace(one, path=by.path(one.path)) for one in summary.damage),
            holds=tuple(replace(one, template=by.text(one.template)) for one in summary.holds),
        ),
        incidents=tuple(
            replace(
                incident,
                plan=by.text(incident.plan),
                jobs=tuple(
                    replace(
                        job,
                        owner=by.user(job.owner),
                        host=by.host(job.host),
                        access_point=by.host(job.access_point),
                        reason=by.text(job.reason),
                        fix=by.text(job.fix),
                        command=by.text(job.command),
                        evidence=tuple(map(by.text, job.evidence)),
                    )
                    for job in incident.jobs
                ),
            )
            for incident in facts.incidents
        ),
    )


def redacted_card(card: "Card") -> "Card":
    """Return a model's card without users, hosts, paths and values of parameters."""
    given = {name: str(value) for name, value in [*card.parameters.items(), *card.split.items()]}
    by = Redactor(*_here(), given.values())
    return replace(
        card,
        data=list(map(by.path, card.data)),
        split={name: by.value(str(value)) for name, value in card.split.items()},
        parameters={name: by.value(str(value)) for name, value in card.parameters.items()},
        notes=list(map(by.text, card.notes)),
        survey=None,
    )

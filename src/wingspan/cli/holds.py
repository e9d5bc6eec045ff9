"""``wingspan holds``: what a hold means and what to do about it."""

import difflib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wingspan.cli.job_report import explain_job
from wingspan.cli.json_output import print_json
from wingspan.cli.options import AsJson
from wingspan.cli.paper import wrap
from wingspan.errors import NotFoundError, SettingError
from wingspan.eventlog.codes import HoldCode, VacateCode, hold_name, subcode_meaning

if TYPE_CHECKING:
    from wingspan.eventlog.rules import Rule

app = typer.Typer(
    help="Held jobs: what their codes and reasons mean.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_JOB = re.compile(r"\d+\.\d+")
_JOB_OR_NODE = re.compile(r"[^\s/]+")
_LOG_NAME = re.compile(r"\S+\.(log|old|gz|zst)(\.\d+)?|(\S*/)?EventLog\S*|(\.{0,2}|~\w*)/\S+")
_CODE = re.compile(r"(\d+)(?:/(-?\d+))?")
_IN_LOG = re.compile(r"\bCode (\d+) Subcode (-?\d+)")  # the last line of a hold in the log
_ACCEPTED = (
    "give a code (`12`), code and sub-code (`12/2`), a label (`TransferOutputError`), a reason text, "
    f"or code and text; hold codes are 0-{max(HoldCode)}, vacate codes 1000-{max(VacateCode)}"
)


@app.callback()
def holds() -> None:
    """Held jobs: what their codes and reasons mean."""


@app.command()
def explain(
    hold: Annotated[
        list[str],
        typer.Argument(
            metavar="HOLD...", help="CODE[/SUBCODE], a reason text, or both; or JOB LOG..."
        ),
    ],
    rows: Annotated[int, typer.Option(min=1, help="Jobs of a cluster that are listed.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Explain a hold, or a job from its log, and what to do.

    A JOB is 12.0, a cluster 12, or a DAG node. Its log says what happened, what it cost, and why it waits.
    """
    logs = list(map(Path, hold[1:]))
    if logs and (_JOB.fullmatch(hold[0]) or all(log.exists() for log in logs)):
        explain_job(hold[0], logs, rows, as_json)
        return
    _refuse_missing_logs(hold)
    from wingspan.eventlog import rules

    code, subcode, reason = parse_hold(" ".join(hold))
    rule = rules.explain(code, subcode, reason)
    facts = _facts(code, subcode, rule)
    if as_json:
        print_json(facts)
        return
    for name, value in facts.items():
        if value not in {"", None, 0} or name == "code":
            print(wrap(f"{name + ':':<10} {'-' if value is None else value}", " " * 11))
    if subcode and not facts["meaning"]:
        print(
            wrap(
                f"{'meaning:':<10} none is documented of sub-code {subcode} of this code", " " * 11
            )
        )
    if rule == rules.UNKNOWN and code is None:
        ask = "Give the code too, as in `wingspan holds explain 12/2 'the reason'`."
        print(wrap(" " * 11 + ask, " " * 11))


def _refuse_missing_logs(words: list[str]) -> None:
    """Raise an error if a job is given with a log that does not exist."""
    job, *logs = words
    if logs and _JOB_OR_NODE.fullmatch(job) and all(map(_LOG_NAME.fullmatch, logs)):
        lacking = next((log for log in logs if not Path(log).exists()), None)
        if lacking is not None:
            fix = "check the path; a reason that is only a path needs code and sub-code before it, as in 12/2"
            raise NotFoundError(lacking, "there is no such log", fix)


def parse_hold(text: str) -> tuple[int | None, int | None, str]:
    """Split typed or pasted text into code, sub-code and reason; None if a part is missing.

    >>> parse_hold("12/2 Transfer output files failure")
    (12, 2, 'Transfer output files failure')
    """
    first, _, rest = text.strip().partition(" ")
    if not first:
        raise SettingError("wingspan holds explain", "no hold was given", _ACCEPTED)
    code, subcode = _code(first, rest)
    if code is not None:
        return code, subcode, rest
    if _JOB.fullmatch(first):
        fix = f"`wingspan holds explain {first} LOG` explains the job, `wingspan why {first}` asks the queue"
        raise SettingError(first, "this is a job, and no event log was given", fix)
    if re.fullmatch(r"[\d./-]+|-?\d+/.*|[A-Za-z]+/-?\d*", first):
        raise SettingError(first, "this is not a code with its sub-code", _ACCEPTED)
    if found := _IN_LOG.search(text):
        return int(found[1]), int(found[2]), text
    if not rest:
        _refuse_misspelt_label(first)
    return None, None, text


def _code(word: str, reason: str) -> tuple[int | None, int | None]:
    """Return code and sub-code of a word; a code newer than this table needs a reason."""
    label, _, subcode = word.partition("/")
    if label in HoldCode.__members__ and re.fullmatch(r"(-?\d+)?", subcode):
        return HoldCode[label].value, int(subcode) if subcode else None
    found = _CODE.fullmatch(word)
    if not found:
        return None, None
    code = int(found[1])
    if hold_name(code) == "Other" and not (reason and code < min(VacateCode)):
        problem = f"{code} is not a hold code that this version of Wingspan knows"
        newer = (
            f"if a newer HTCondor wrote it, add its text: `wingspan holds explain {word} 'TEXT'`; "
        )
        raise SettingError(word, problem, newer + _ACCEPTED)
    return code, int(found[2]) if found[2] else None


def _refuse_misspelt_label(word: str) -> None:
    close = difflib.get_close_matches(word, HoldCode.__members__)
    if close:
        problem = f"no hold code has this label; close ones: {', '.join(close)}"
        raise SettingError(word, problem, _ACCEPTED)


def _facts(code: int | None, subcode: int | None, rule: "Rule") -> dict[str, str | int | None]:
    """Return the printed facts, in order."""
    return {
        "code": code,
        "name": "" if code is None else hold_name(code),
        "subcode": subcode,
        "meaning": "" if code is None or subcode is None else subcode_meaning(code, subcode),
        "cause": rule.cause,
        "origin": rule.origin,
        "nature": rule.nature,
        "answer": rule.first_answer,
        "wait_s": rule.wait_s,
        "fix": rule.fix,
        "source": rule.source,
    }

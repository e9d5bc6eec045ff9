"""Show runs in W&B by its own client, and ask its server what arrived.

This is the only importer of wandb. Each step or trial has one id that no restart changes. Its rows are sent with their
steps. What the server has already is not sent again, so that a killed mirror doubles nothing. The client alone handles
the key: it reads the key from W&B's login or environment, and nothing writes it.
"""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from wingspan.errors import SettingError, WingspanError
from wingspan.files import digest_bytes, json_text
from wingspan.shown import counted
from wingspan.tracking import record
from wingspan.tracking.tracked import ARTIFACTS, ROWS, Artifact, Compared, Row, Tracked
from wingspan.tracking.wandb_server import Address, WandbServer, shown_row

KEY: Final = "WANDB_API_KEY"
_TAKEN: Final = {"project": "WANDB_PROJECT", "entity": "WANDB_ENTITY", "base_url": "WANDB_BASE_URL"}
_OURS: Final = ("WANDB_RUN_ID", "WANDB_NAME", "WANDB_RESUME", "WANDB_SWEEP_ID", "WANDB_SWEEP_PARAM_PATH", "WANDB_RUN_GROUP", "WANDB_JOB_TYPE")  # fmt: skip
_SENT: Final = "wandb-sent.jsonl"
_FINISH_S, _INIT_S = 120.0, 30.0
_LONGEST_ID: Final = 128
_WAITS_S: Final = (0.5, 1.0, 2.0, 4.0)  # time for a slow server to count what it has received


class NotSentError(WingspanError):
    """W&B's server was not reached, or did not confirm; the rest can be sent later."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where runs are shown; W&B's own settings replace empty fields."""

    project: str
    entity: str = ""
    base_url: str = ""


def place_of(pipeline: str, environment: Mapping[str, str]) -> Place:
    """Return the place that W&B's variables name.

    Without a project there, it is named like the pipeline.
    """
    found = {name: environment.get(variable, "") for name, variable in _TAKEN.items()}
    return Place(**{**found, "project": found["project"] or pipeline})


def entity_of(folder: Path) -> str:
    """Return the entity to which a mirror has sent; empty if it has sent nothing."""
    sent = list(record.read(folder / _SENT))
    return str(sent[-1].get("entity", "")) if sent else ""


def require_wandb() -> None:
    """Refuse to mirror into W&B without its client, before anything is computed."""
    if find_spec("wandb") is None:
        raise SettingError("--track wandb", "W&B's client is not installed", "pip install wandb")


class WandbMirror:
    """Sends a run's steps and trials to W&B; as a context manager, it closes all W&B runs.

    Parameters
    ----------
    folder
        The folder of the client's files, and of the record of what was confirmed.
    """

    def __init__(self, place: Place, folder: Path) -> None:
        self._place = place
        self._folder = folder
        self._open: dict[str, Any] = {}
        self._next: dict[str, int] = {}
        self._begun: dict[str, str] = {}
        sent = list(record.read(folder / _SENT))
        self._confirmed = {each["id"]: each["digest"] for each in sent}
        self._entities = {each["id"]: each.get("entity", "") for each in sent}
        self._wandb = _client(place, folder)
        settings = self._wandb.setup().settings
        self._server = WandbServer(settings.base_url, settings.api_key)
        with _sending(None):
            if not self._server.answers(place.project):
                problem = f"{settings.base_url} refuses the key"
                raise NotSentError("W&B", problem, "wandb login --relogin")

    def update(self, one: Tracked) -> None:
        """Send what is new of a step or trial.

        Once it has ended, send all of it, and ask the server whether it arrived.

        Raises
        ------
        NotSentError
            The server was not reached, or did not confirm.
        """
        if self._confirmed.get(one.id) == self._digest(one):
            return
        with _sending(one):
            run = self._open.get(one.id) or self._start(one)
            # The last row of a running curve may still grow, and a row that was sent cannot change.
            self._send(run, one, one.rows if one.ended else one.rows[:-1])
            if one.ended:
                self._finish(run, one)

    def close(self) -> None:
        """Close the runs that have not ended; the next mirror continues them."""
        for run in self._open.values():
            with _sending(None):
                run.finish(quiet=True)
        self._open.clear()

    def _digest(self, one: Tracked) -> str:
        return digest_bytes(json_text([one.digest, self._place.project, self._place.entity, self._place.base_url]).encode())  # fmt: skip

    def _start(self, one: Tracked) -> Any:  # noqa: ANN401 - a run of wandb's
        place = self._place
        run = self._wandb.init(
            project=place.project,
            entity=place.entity or None,
            id=_named_run(one),
            name=one.name,
            group=one.group,
            job_type=one.kind,
            config=dict(one.config),
            dir=str(self._folder),
            mode="online",
            resume="allow",
            reinit="create_new",
            settings=_settings(self._wandb),
        )
        self._open[one.id] = run
        self._next[one.id] = run.starting_step
        return run

    def _send(self, run: Any, one: Tracked, rows: tuple[Row, ...]) -> None:  # noqa: ANN401
        for row in rows:
            if row.step >= self._next[one.id]:
                times = {"_timestamp": row.time} if row.time else {}
                run.log({**row.values, **times}, step=row.step)
                self._next[one.id] = row.step + 1

    def _finish(self, run: Any, one: Tracked) -> None:  # noqa: ANN401
        run.config.update(dict(one.config), allow_val_change=True)
        run.summary.update({**one.summary, "wingspan/state": one.state})
        for artifact in one.artifacts:
            run.log_artifact(self._artifact(artifact))
        address = Address(run.entity, run.project, run.id)
        run.finish(exit_code=int(one.state in {"failed", "stopped"}))
        self._open.pop(one.id)
        self._confirm(address, one)
        said = {"id": one.id, "digest": self._digest(one), "entity": address.entity}
        record.append(self._folder / _SENT, said)
        self._confirmed[one.id], self._entities[one.id] = said["digest"], address.entity

    def _confirm(self, address: Address, one: Tracked) -> None:
        """Ask the server whether everything arrived; the client's success does not prove it."""
        problem = ""
        for wait_s in (*_WAITS_S, None):
            problem = self._counts(address, one) or self._lost(address, one).problem
            if not problem:
                return
            if wait_s is not None:
                time.sleep(wait_s)
        raise NotSentError(one.name, problem, "run again: wingspan track sync")

    def compared(self, one: Tracked) -> Compared:
        """Compare the server's run with what was logged: every row once, in order, with its values.

        Raises
        ------
        NotSentError
            The server was not reached.
        """
        with _sending(one):
            entity = self._entities.get(one.id) or self._place.entity
            address = Address(entity, self._place.project, _named_run(one))
            problem = self._counts(address, one)
            parts = (self._numbers, self._lost)
            found = [Compared(problem)] if problem else [part(address, one) for part in parts]
        said = next((each.problem for each in found if each.problem), "")
        return Compared(said, tuple(name for each in found for name in each.unseen))

    def _counts(self, address: Address, one: Tracked) -> str:
        known = self._server.known(address)
        if known is None:
            return f"W&B has no run {address.run}"
        last = one.rows[-1].step if one.rows else None
        if known != (len(one.rows), last):
            return f"W&B has {counted(known.rows, 'row')}, logged: {len(one.rows)}"
        return ""

    def _numbers(self, address: Address, one: Tracked) -> Compared:
        rows = self._server.history(address, [row.step for row in one.rows])
        if rows is None:
            return Compared(unseen=(ROWS,))
        found = [shown_row(row) for row in rows]
        expected = [shown_row({"_step": row.step, **row.values}) for row in one.rows]
        if [row["_step"] for row in found] != [row["_step"] for row in expected]:
            return Compared(f"W&B has {counted(len(found), 'row')}, logged: {len(expected)}")
        other = [a["_step"] for a, b in zip(found, expected, strict=True) if a != b]
        if not other:
            return Compared()
        steps = "1 step" if len(other) == 1 else f"{len(other)} steps"
        return Compared(f"W&B has other numbers at {steps}, first at {float(other[0]):g}")

    def _lost(self, address: Address, one: Tracked) -> Compared:
        there = self._server.artifacts(address) if one.artifacts else set()
        if there is None:
            return Compared(unseen=(ARTIFACTS,))
        lost = [each.name for each in one.artifacts if self._artifact(each).digest not in there]
        return Compared(f"W&B lacks the artifact {', '.join(lost)}" if lost else "")

    def _artifact(self, artifact: Artifact) -> Any:  # noqa: ANN401 - an artifact of wandb's
        made = self._wandb.Artifact(_named(artifact.name), artifact.kind)
        for name, path in artifact.files.items():
            if path.is_dir():
                made.add_dir(str(path), policy="immutable")
            else:
                made.add_file(str(path), name, policy="immutable")
        return made


def _named_run(one: Tracked) -> str:
    """Return the id of the W&B run of a step or trial."""
    return one.id if len(one.id) <= _LONGEST_ID else digest_bytes(one.id.encode())[-64:]


def _named(name: str) -> str:
    """Return a name that W&B accepts for an artifact."""
    return "".join(each if each.isalnum() or each in "-_." else "-" for each in name)[:_LONGEST_ID]


def _client(place: Place, folder: Path) -> Any:  # noqa: ANN401 - the module
    """Import W&B's client with its files in `folder`, and log in without asking for a key.

    Raises
    ------
    NotSentError
        There is no key, the server refuses it, or the server does not answer.
    """
    require_wandb()
    mode = os.environ.get("WANDB_MODE", "online")
    if mode not in {"online", "shared"}:
        fix = "unset WANDB_MODE, then: wingspan track sync RUN"
        raise NotSentError("W&B", f"WANDB_MODE is {mode}: nothing is sent", fix)
    folder.mkdir(parents=True, exist_ok=True)
    for name in _OURS:
        os.environ.pop(name, None)
    for name in ("WANDB_CACHE_DIR", "WANDB_DATA_DIR", "WANDB_ARTIFACT_DIR"):
        os.environ.setdefault(name, str(folder / "wandb"))
    os.environ["WANDB_SILENT"] = "true"
    os.environ["WANDB_ERROR_REPORTING"] = "false"
    if place.base_url:
        os.environ["WANDB_BASE_URL"] = place.base_url
    import wandb

    with _sending(None):
        if not wandb.login(prompt=False, verify=False):
            problem = "there is no login to W&B on this machine: nothing is sent"
            raise NotSentError("W&B", problem, "wandb login, then: wingspan track sync RUN")
    return wandb


def _settings(wandb: Any) -> Any:  # noqa: ANN401 - wandb's
    return wandb.Settings(
        console="off",
        disable_code=True,
        disable_git=True,
        disable_job_creation=True,
        finish_timeout=_FINISH_S,
        finish_timeout_raises=True,
        init_timeout=_INIT_S,
        save_code=False,
        silent=True,
        x_disable_meta=True,
        x_disable_stats=True,
        x_save_requirements=False,
    )


@contextmanager
def _sending(one: Tracked | None) -> Iterator[None]:
    """Turn the client's errors, when a server is not reached or refuses, into one error."""
    try:
        yield
    except WingspanError:
        raise
    except Exception as error:
        where = "W&B" if one is None else f"W&B, {one.name}"
        said = str(error).strip().splitlines() or [type(error).__name__]
        fix = "send the rest later: wingspan track sync RUN"
        raise NotSentError(where, f"not sent: {said[0]}", fix) from error

"""Ask W&B's server by its public API what it has of a run; nothing is changed there.

A server that does not answer one of the questions, such as an old one, is not asked to prove what it would answer.
"""

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

_TIMEOUT_S, _SHORT_S = 60.0, 10.0
_REFUSED: Final = frozenset({401, 403})  # HTTP's codes: the key is wrong
_PAGE: Final = 10_000  # steps: of more the server may leave some out
_KNOWN: Final = (
    "query RunResumeStatus($project: String, $entity: String, $name: String!) { "
    "model(name: $project, entityName: $entity) { id name "
    "bucket(name: $name, missingOk: true) { id name historyLineCount historyTail } } }"
)
_HISTORY: Final = (
    "query HistoryPage($entity: String!, $project: String!, $run: String!, $minStep: Int64!, $maxStep: Int64!, "
    "$pageSize: Int!) { project(name: $project, entityName: $entity) { run(name: $run) { "
    "history(minStep: $minStep, maxStep: $maxStep, samples: $pageSize) } } }"
)
_ARTIFACTS: Final = (
    "query RunArtifacts($entity: String!, $project: String!, $run: String!) { "
    "project(name: $project, entityName: $entity) { run(name: $run) { "
    "outputArtifacts(first: 1000) { edges { node { digest state } } } } } }"
)
_NOT_FINITE: Final = frozenset({"NaN", "Infinity", "-Infinity"})  # as W&B writes them


class Address(NamedTuple):
    """A run of W&B's; without an entity it is the default one of the key."""

    entity: str
    project: str
    run: str


class Known(NamedTuple):
    """How many rows a server has of a run, and the step of the last one."""

    rows: int
    last: int | None


class WandbServer:
    """W&B's server, or one that answers like it."""

    def __init__(self, url: str, key: str | None) -> None:
        word = base64.b64encode(f"api:{key or ''}".encode()).decode()
        self._url = f"{url.rstrip('/')}/graphql"
        self._head = {"Authorization": f"Basic {word}", "Content-Type": "application/json"}

    def answers(self, project: str) -> bool:
        """Return whether the server takes the key; raise what urllib raises where it does not answer."""
        try:
            self._ask(_KNOWN, {"entity": None, "project": project, "name": "-"}, _SHORT_S)
        except urllib.error.HTTPError as error:
            if error.code not in _REFUSED:
                raise
            return False
        return True

    def known(self, address: Address) -> Known | None:
        """Return what the client asks before it goes on with a run; None where there is no such run."""
        given = {"entity": address.entity or None, "project": address.project, "name": address.run}
        bucket = _inside(self._ask(_KNOWN, given), "model", "bucket")
        if not isinstance(bucket, dict):
            return None
        rows = json.loads(bucket.get("historyTail") or "[]")
        last = json.loads(rows[-1]) if rows else {}
        return Known(int(bucket.get("historyLineCount") or 0), last.get("_step"))

    def history(self, address: Address, steps: Iterable[int]) -> list[dict[str, Any]] | None:
        """Return the rows of a run around some steps, which rise; None where the server does not tell."""
        rows: list[dict[str, Any]] = []
        asked = {"entity": address.entity or None, "project": address.project, "run": address.run}
        end = -1
        for step in steps:
            if step < end:
                continue
            end = step + _PAGE
            page = {**asked, "minStep": step, "maxStep": end, "pageSize": _PAGE}
            found = _inside(self._ask(_HISTORY, page), "project", "run", "history")
            if not isinstance(found, list):
                return None
            rows += [json.loads(each) for each in found]
        return rows

    def artifacts(self, address: Address) -> set[str] | None:
        """Return the digests of the artifacts that a run has logged and that are whole; None where the server does not tell."""
        asked = {"entity": address.entity or None, "project": address.project, "run": address.run}
        found = _inside(self._ask(_ARTIFACTS, asked), "project", "run", "outputArtifacts", "edges")
        if not isinstance(found, list):
            return None
        return {each["node"]["digest"] for each in found if each["node"]["state"] == "COMMITTED"}

    def _ask(self, query: str, variables: Mapping[str, Any], timeout_s: float = _TIMEOUT_S) -> Any:  # noqa: ANN401 - JSON
        """Return the answer; nothing where the server does not know the question."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        asked = urllib.request.Request(self._url, body, self._head)
        try:
            with urllib.request.urlopen(asked, timeout=timeout_s) as answer:
                said = json.loads(answer.read())
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in {400, 404, 422}:
                return {}
            raise
        return said.get("data") if isinstance(said, dict) else {}


def _inside(answer: Any, *names: str) -> Any:  # noqa: ANN401 - JSON
    for name in names:
        answer = answer.get(name) if isinstance(answer, dict) else None
    return answer


def shown_row(row: Mapping[str, Any]) -> dict[str, str]:
    """Return a row without what the client adds; numbers as text, so that NaN equals NaN.

    >>> shown_row({"_step": 1, "_runtime": 2.5, "loss": "NaN"})
    {'_step': '1.0', 'loss': 'nan'}
    """
    return {
        name: str(float(value)) if _is_number(value) else str(value)
        for name, value in row.items()
        if name == "_step" or not name.startswith("_")
    }


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) or value in _NOT_FINITE

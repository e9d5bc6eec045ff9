"""Ask W&B's server by its public API what it has of a run.

Nothing is changed there. An old server may not answer some of the questions.
"""

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

_TIMEOUT_S, _SHORT_S = 60.0, 10.0
_REFUSED: Final = frozenset({401, 403})  # HTTP's codes: the key is wrong
_PAGE: Final = 10_000  # steps; the server may thin out more
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
    """A W&B run; an empty entity stands for the key's default."""

    entity: str
    project: str
    run: str


class Known(NamedTuple):
    """The number of rows that a server has of a run, and the last row's step."""

    rows: int
    last: int | None


class WandbServer:
    """W&B's server, or a compatible one."""

    def __init__(self, url: str, key: str | None) -> None:
        word = base64.b64encode(f"api:{key or ''}".encode()).decode()
        self._url = f"{url.rstrip('/')}/graphql"
        self._head = {"Authorization": f"Basic {word}", "Content-Type": "application/json"}

    def answers(self, project: str) -> bool:
        """Return whether the server takes the key.

        If the server does not answer, raise what urllib raises.
        """
        try:
            self._ask(_KNOWN, {"entity": None, "project": project, "name": "-"}, _SHORT_S)
        except urllib.error.HTTPError as error:
            if error.code not in _REFUSED:
                raise
            return False
        return True

    def known(self, address: Address) -> Known | None:
        """Return the state that the client asks for before it resumes a run; None if unknown."""
        given = {"entity": address.entity or None, "project": address.project, "name": address.run}
        bucket = _inside(self._ask(_KNOWN, given), "model", "bucket")
        if not isinstance(bucket, dict):
            return None
        rows = json.loads(bucket.get("historyTail") or "[]")
        last = json.loads(rows[-1]) if rows else {}
        return Known(int(bucket.get("historyLineCount") or 0), last.get("_step"))

    def history(self, address: Address, steps: Iterable[int]) -> list[dict[str, Any]] | None:
        """Return the rows of a run around some rising steps; None if the server does not say."""
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
        """Return the digests of a run's whole artifacts; None if the server does not say."""
        asked = {"entity": address.entity or None, "project": address.project, "run": address.run}
        found = _inside(self._ask(_ARTIFACTS, asked), "project", "run", "outputArtifacts", "edges")
        if not isinstance(found, list):
            return None
        return {each["node"]["digest"] for each in found if each["node"]["state"] == "COMMITTED"}

    def _ask(self, query: str, variables: Mapping[str, Any], timeout_s: float = _TIMEOUT_S) -> Any:  # noqa: ANN401 - JSON
        """Return the answer; empty if the server does not know the query."""
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
    """Return a row without the client's additions, numbers as text so that NaN equals NaN.

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

"""Make a `Plan` of calls: keys, what is done, what must run and why.

The functions are pure: they read and write nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from wingspan.errors import NotFoundError, near
from wingspan.planning.forced import Again
from wingspan.planning.key import Inputs, step_key
from wingspan.planning.reasons import Folders, listed, nothing_known, reasons
from wingspan.planning.step_keys import Latest, step_keys
from wingspan.shown import counted, in_markup, shown_name

if TYPE_CHECKING:  # a job on an execution point reads plans and makes none
    from wingspan.pipeline.step import Step
    from wingspan.planning.call import Call

UP_TO_DATE = "up to date"
FORCED = "forced"
_LISTED = 60  # steps of a plan that its text shows


@dataclass(frozen=True, slots=True, repr=False)
class PlannedStep:
    """One step as a runner sees it; JSON-able.

    Parameters
    ----------
    key
        64 hex digits: the same code, parameters, inputs and versions give the same key.
    done
        The store has its result.
    reason
        Why it must run, or that it is up to date.
    needs
        Keys of the steps whose results it reads.
    inputs
        Place in the arguments -> (key, output or None for all).
    code
        Digest of the manifest of the project's modules that the function reaches; empty without any.
    base
        Digest of all parts of the key but the inputs; empty in a plan of an older Wingspan.
    libraries
        Third-party modules that its job may import, also to read what it is given.
    sweep
        How the other arguments are searched, see `trial.sweep_of`; of a trial its metric; None for any other step.
    """

    name: str
    key: str
    done: bool
    reason: str
    needs: tuple[str, ...]
    inputs: dict[str, tuple[str, str | None]]
    outputs: tuple[str, ...]
    action: dict[str, Any]
    arguments: dict[str, Any]
    files: tuple[dict[str, Any], ...]
    resources: dict[str, Any]
    retries: int
    preload: tuple[str, ...]
    modules: tuple[str, ...]
    components: dict[str, str]
    code: str = ""
    base: str = ""
    libraries: tuple[str, ...] = ()
    sweep: dict[str, Any] | None = None

    def __repr__(self) -> str:
        return f"PlannedStep {self.name}: {'' if self.done else 'to run, '}{self.reason}"


@dataclass(frozen=True, slots=True, repr=False)
class Plan(Mapping[str, PlannedStep]):
    """Steps so that each comes after those it needs, by name.

    Parameters
    ----------
    groups
        The keys that one job runs.
    tasks
        By the first key of a group, the keys of its tasks in turn, where the job may give some of them back: it begins
        none once it has run for the pool's task time.
    why
        By the first key of a group, why its steps share a job.
    notes
        What else a user should know: requests of equal calls that were merged.
    sources
        Contents of the manifests and modules that the steps' `code` names, by digest.
    previous
        What the last plan of the pipeline was made of: see `history`.
    maps
        The labels of each map, by its name; its steps are called ``name[label]``.
    limits
        How many steps of a map may run at once, by the map's name.
    folders
        By digest of an input folder, its files and the first digits of their digests.
    again
        How often each key that this plan forces was forced; written when the plan is carried out.
    part
        The pipeline has other steps, which this plan leaves out.
    """

    pipeline: str
    steps: tuple[PlannedStep, ...]
    groups: tuple[tuple[str, ...], ...]
    constants: dict[str, tuple[Any, dict[str, Any]]] = field(default_factory=dict, compare=False)
    why: dict[str, str] = field(default_factory=dict)
    folders: dict[str, dict[str, str]] = field(default_factory=dict, compare=False)
    notes: tuple[str, ...] = ()
    sources: dict[str, bytes] = field(default_factory=dict, compare=False)
    previous: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, compare=False)
    maps: Mapping[str, Sequence[str]] = field(default_factory=dict)
    again: Mapping[str, int] = field(default_factory=dict, compare=False)
    part: bool = False
    limits: Mapping[str, int] = field(default_factory=dict)
    tasks: Mapping[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    _by_name: dict[str, PlannedStep] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {step.name: step for step in self.steps})

    def __getitem__(self, name: str) -> PlannedStep:
        """Return a step.

        Raises
        ------
        NotFoundError
            There is no such step.
        """
        if name not in self:
            problem = f"it has no step {name!r}"
            raise NotFoundError(f"pipeline {self.pipeline}", problem, near(name, self._by_name))
        return self._by_name[name]

    def get(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - a step, or what is given
        """Return a step; the default where there is no such step."""
        return self._by_name[name] if name in self else default

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self._by_name

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def __repr__(self) -> str:
        rows = [
            (shown_name(step.name), "-" if step.done else "run", shown_name(step.reason))
            for step in self.steps
        ]
        width = max((len(name) for name, _, _ in rows[:_LISTED]), default=0)
        lines = [f"  {mark:4}{name:{width}}  {reason}" for name, mark, reason in rows[:_LISTED]]
        left = len(rows) - _LISTED
        more = [f"  and {counted(left, 'more step')}"] if left > 0 else []
        notes = [f"note: {note}" for note in self.notes]
        return "\n".join([f"Plan {self.pipeline}: {self.summary()}", *lines, *more, *notes])

    def _repr_html_(self) -> str:
        listed = self.steps[:_LISTED]
        cells = [(step.name, "" if step.done else "run", step.reason) for step in listed]
        if more := len(self.steps) - len(listed):
            cells.append((f"and {counted(more, 'more step')}", "", ""))
        rows = ["".join(f"<td>{in_markup(cell)}</td>" for cell in row) for row in cells]
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        head = f"<p>Plan <b>{in_markup(self.pipeline)}</b>: {self.summary()}</p>"
        return f"{head}<table><tr><th>step</th><th></th><th>reason</th></tr>{body}</table>"

    def explain(self, name: str) -> str:
        """Return all reasons for a step to run: what changed since the last plan, and first causes."""
        from wingspan.planning.explain import explain

        return explain(self, name)

    def summary(self) -> str:
        """Return how many of the steps are to run."""
        steps = "step" if len(self.steps) == 1 else "steps"
        return f"{len(self.to_run()):,} of {len(self.steps):,} {steps} to run"

    def to_run(self) -> tuple[PlannedStep, ...]:
        """Return the steps that are not done."""
        return tuple(step for step in self.steps if not step.done)

    def limited(self) -> dict[str, str]:
        """Return, by key, the map of each step that may not run with all others of its map."""
        named = {
            f"{name}[{label}]": name for name in self.limits for label in self.maps.get(name, ())
        }
        return {self[step].key: name for step, name in named.items() if step in self}


def step_from_json(line: Mapping[str, Any]) -> PlannedStep:
    """Return the step that ``asdict`` and JSON have made a mapping of."""
    names = ("needs", "outputs", "files", "preload", "modules")
    inputs = {place: (key, output) for place, (key, output) in line["inputs"].items()}
    code = line["code"] if isinstance(line["code"], str) else "of an older version"
    parts = {n: tuple(line[n]) for n in names}
    libraries = tuple(line.get("libraries", ()))  # an older plan has none
    more = {"inputs": inputs, "code": code, "libraries": libraries}
    return PlannedStep(**{**line, **parts, **more})


def is_sweep(step: PlannedStep) -> bool:
    """Return whether a planned step is a sweep; a trial of one is not."""
    return step.sweep is not None and "spec" in step.sweep


def walk(tree: object) -> Iterator[Mapping[str, Any]]:
    """Yield every tagged node of an argument tree."""
    if isinstance(tree, Mapping):
        if "$" in tree:
            yield tree
        for item in tree.values():
            yield from walk(item)
    elif isinstance(tree, list):
        for item in tree:
            yield from walk(item)


def make_plan(  # noqa: PLR0913 - what a plan is made of
    pipeline: str,
    steps: Mapping[str, "Step"],
    calls: Mapping[str, "Call"],
    done: Callable[[Iterable[str]], frozenset[str]],
    previous: Mapping[str, Mapping[str, Any]],
    latest: "Latest | None" = None,
    folders: Folders = nothing_known,
    *,
    again: Again | None = None,
) -> Plan:
    """Decide what must run; `calls` are in order of declaration.

    Parameters
    ----------
    done
        Given keys, returns those whose result is there.
    previous
        By step name, what `history` gave for the last plan of this pipeline; only reasons are made from it.
    latest, again
        See `step_keys`.
    folders
        Gives the files of an input folder, of this plan or of the last one.
    """
    from wingspan.planning.libraries import needed_libraries

    # declared after what they need, so producers come first
    keys, inputs, read, studies = step_keys(calls, calls, latest, again)
    again = again or Again({}, frozenset(), frozenset)
    there = done(keys.values())
    merged, notes = _one_request(steps, calls, keys, inputs)
    asked = _asked(steps, keys, merged)
    readable, libraries = _readable(calls), needed_libraries(calls)
    planned = []
    for name, call in calls.items():
        key, reason = keys[name], UP_TO_DATE
        if name in again.names and key not in there:
            reason = FORCED
        elif key not in there:
            changed = read[name] or reasons(call, previous.get(name), keys, previous, folders)
            reason = listed(changed) or "its result is not in the store"
        own = (key, again.bases.get(name, call.base))
        names = (readable.get(name, call.modules), libraries[name])
        made = _planned(steps[name], call, own, inputs[name], reason, asked[name], names)
        if name in studies:
            made = replace(made, sweep={**(call.sweep or {}), "study": studies[name]})
        planned.append(made)
    return Plan(
        pipeline,
        tuple(planned),
        tuple((key,) for key in dict.fromkeys(step.key for step in planned if not step.done)),
        {digest: held for call in calls.values() for digest, held in call.constants.items()},
        notes=tuple(note for key, note in notes.items() if key not in there),
        sources=_sources(calls),
        previous=previous,
        again=again.raised,
    )


def _asked(
    steps: Mapping[str, "Step"],
    keys: Mapping[str, str],
    merged: Mapping[str, tuple[dict[str, Any], int]],
) -> dict[str, tuple[dict[str, Any], int]]:
    """Return the request and retries of each step by name; `merged` has those of equal calls."""
    requests: dict[int, dict[str, Any]] = {}  # by identity: many steps share one request
    for step in steps.values():
        if id(step.resources) not in requests:
            requests[id(step.resources)] = step.resources.to_json()
    return {
        name: merged.get(key) or (requests[id(steps[name].resources)], steps[name].retries)
        for name, key in keys.items()
    }


def _sources(calls: Mapping[str, "Call"]) -> dict[str, bytes]:
    """Return the contents of the manifests and modules of all calls, by digest."""
    snapshots = {call.code.digest: call.code.contents for call in calls.values()}
    return {name: kept for contents in snapshots.values() for name, kept in contents.items()}


def _readable(calls: Mapping[str, "Call"]) -> dict[str, tuple[str, ...]]:
    """Return the modules of steps whose results others read, as their classes may be needed."""
    reached: dict[str, tuple[str, ...]] = {}
    found = {}
    for name, call in calls.items():
        makers = {reached[maker] for maker, _ in call.inputs.values()}
        reached[name] = call.modules
        if not makers <= {call.modules}:
            reached[name] = found[name] = tuple(sorted(set(call.modules).union(*makers)))
    return found


def _one_request(
    steps: Mapping[str, "Step"],
    calls: Mapping[str, "Call"],
    keys: Mapping[str, str],
    inputs: Mapping[str, Inputs],
) -> tuple[dict[str, tuple[dict[str, Any], int]], dict[str, str]]:
    """Return, by key, the shared request and retries of steps, and notes on merged ones."""
    from wingspan.planning.requests import check_images, merge_requests

    if any(call.imageless != call.base for call in calls.values()):
        imageless = {name: step_key(call.imageless, inputs[name]) for name, call in calls.items()}
        check_images(calls, imageless, steps)
    if len(set(keys.values())) == len(keys):
        return {}, {}
    merged, notes = merge_requests(calls, keys, steps)
    return {key: (asked.to_json(), retries) for key, (asked, retries) in merged.items()}, notes


def _planned(
    step: "Step",
    call: "Call",
    key: tuple[str, str],
    inputs: Inputs,
    reason: str,
    asked: tuple[dict[str, Any], int],
    names: tuple[tuple[str, ...], tuple[str, ...]],
) -> PlannedStep:
    return PlannedStep(
        name=step.name,
        key=key[0],
        done=reason is UP_TO_DATE,
        reason=reason,
        needs=tuple(dict.fromkeys([maker for maker, _ in inputs.values()])),
        inputs=inputs,
        outputs=tuple([output for output, _ in step.outputs]),
        action=call.action,
        arguments=call.arguments,
        files=tuple([asdict(file) for file in call.files]),
        resources=asked[0],
        retries=asked[1],
        preload=call.preload,
        modules=names[0],
        components=call.components,
        code=call.code.digest,
        base=key[1],
        libraries=names[1],
    )


def history(plan: Plan) -> dict[str, dict[str, Any]]:
    """Return, by step name, what the next plan needs to say why a step must run."""
    names = {step.key: step.name for step in plan.steps}
    return {
        step.name: {
            "key": step.key,
            "components": step.components,
            "inputs": {place: [names[key], output] for place, (key, output) in step.inputs.items()},
            **({} if step.sweep is None else {"study": step.sweep["study"]}),
        }
        for step in plan.steps
    }

"""Read a DAG file with every command of DAGMan, its splices and its newest rescue DAG.

The nodes of a splice are named ``splice+node``.

The first mistake is an error that names its file and line. Which files nodes submit is not looked at.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from wingspan.dag.dag import Dag, DagNode, Script, find_cycle
from wingspan.dag.lines import Line, read_lines
from wingspan.dag.words import (
    WHOLE,
    category_of,
    folder_of,
    in_splice,
    number_of,
    option_of,
    variables_of,
    whole_words,
    words_of,
)
from wingspan.errors import DeclarationError, NotFoundError, near

ALL = "ALL_NODES"
_NODES = {"JOB": "job", "FINAL": "final", "SERVICE": "service", "PROVISIONER": "provisioner"}
_ALONE = {"final", "service", "provisioner"}  # no parents, no children
_RESERVED = {"PARENT", "CHILD", ALL}
_SCRIPTS = ("PRE", "POST", "HOLD")
_STREAMS = ("STDOUT", "STDERR", "ALL")


def read_dag(path: Path, *, rescue: bool = True) -> Dag:
    """Read a DAG file, and all that it includes and splices.

    Parameters
    ----------
    path
        File names in it are relative to its folder, where DAGMan is commonly run.
    rescue
        Apply the newest rescue DAG next to it, as DAGMan does when it is submitted again.

    Raises
    ------
    NotFoundError
        The file, or one that it includes or splices, is not there.
    DeclarationError
        A command is unknown or wrong, a node is unknown or declared twice, or there is a cycle.
    """
    scope = _Scope(path, path.absolute().parent, ())
    newest = max(path.parent.glob(f"{path.name}.rescue[0-9][0-9][0-9]"), default=None)
    if rescue and newest is not None:
        scope.take(newest)
    dag = scope.dag()
    cycle = find_cycle(dag.nodes, dag.edges)
    if cycle:
        shown = " -> ".join(cycle if len(cycle) <= 9 else [*cycle[:4], "...", *cycle[-4:]])
        fix = "take out one PARENT ... CHILD of the circle"
        raise DeclarationError(str(path), f"the nodes wait for one another: {shown}", fix)
    return replace(dag, rescue=newest if rescue else None)


class _Scope:
    """One DAG file while it is read, or one splice: names in it are its own."""

    def __init__(self, file: Path, folder: Path, within: tuple[Path, ...]) -> None:
        self.file, self.folder, self.within = file, folder, (*within, file.absolute())
        self.nodes: dict[str, DagNode] = {}
        self.splices: dict[str, _Scope] = {}
        self.edges: list[tuple[tuple[str, ...], tuple[str, ...]]] = []
        self.descriptions: dict[str, str] = {}
        self.max_jobs: dict[str, int] = {}
        self.commands: list[tuple[str, str]] = []
        self.pins: dict[str, dict[int, list[str]]] = {"PIN-IN": {}, "PIN-OUT": {}}
        self.take(file)

    def take(self, file: Path) -> None:
        """Read one file: what declares nodes first, as they may be named before they are declared."""
        lines = list(read_lines(file, self.folder))
        for line in lines:
            if line.keyword not in _COMMANDS:
                raise _unknown(line)
        for line in lines:
            if line.keyword in _DECLARING:
                _COMMANDS[line.keyword](self, line)
        for line in lines:
            if line.keyword not in _DECLARING:
                _COMMANDS[line.keyword](self, line)

    def dag(self) -> Dag:
        return Dag(
            self.file,
            self.nodes,
            tuple(self.edges),
            self.descriptions,
            self.max_jobs,
            tuple(self.commands),
        )

    def ends(self, *, first: bool) -> tuple[str, ...]:
        """Return the nodes that nothing comes before, or after: what a splice's edges lead to."""
        inner = {
            name for parents, children in self.edges for name in (children if first else parents)
        }
        return tuple(
            name
            for name, node in self.nodes.items()
            if name not in inner and node.kind not in _ALONE
        )

    def node(self, line: Line) -> None:
        kind, (name, *rest) = _NODES[line.keyword], words_of(line, 1, "NODE SUBMIT-FILE")
        if line.body is None and not rest:
            raise line.error(
                f"node {name} has no submit description", f"write {line.keyword} {name} FILE.sub"
            )
        submit = "" if line.body is not None else rest.pop(0)
        self.add(line, DagNode(name, kind, submit, inline=line.body or ""), rest)

    def subdag(self, line: Line) -> None:
        words = words_of(line, 3, "EXTERNAL NODE FILE.dag")
        if words[0].upper() != "EXTERNAL":
            raise line.error(f"expected EXTERNAL, found {words[0]!r}", "write SUBDAG EXTERNAL")
        self.add(line, DagNode(words[1], "subdag", words[2]), words[3:])

    def add(self, line: Line, node: DagNode, options: list[str]) -> None:
        """Take in a node with its options DIR, NOOP and DONE."""
        self.free(line, node.name)
        if node.kind in {"final", "provisioner"}:
            self.alone(line, node.kind)
        if node.kind == "final" and len(self.within) > 1:
            raise line.error(
                "a splice has no FINAL node", "put it into the DAG that has the SPLICE"
            )
        folder, flags = folder_of(line, options, {"NOOP", "DONE"})
        self.nodes[node.name] = replace(
            node, folder=folder, noop="NOOP" in flags, done="DONE" in flags, place=line.place
        )

    def alone(self, line: Line, kind: str) -> None:
        """Refuse a second node of a kind of which there is only one."""
        twin = next((one for one in self.nodes.values() if one.kind == kind), None)
        if twin is not None:
            raise line.error(
                f"{twin.name} at {twin.place} is the {kind} node already", "keep one of them"
            )

    def free(self, line: Line, name: str) -> None:
        """Refuse a name that is taken, reserved, or holds the sign of splices."""
        taken = self.nodes.get(name)
        if taken is not None or name in self.splices:
            where = f" at {taken.place}" if taken else ""
            raise line.error(f"{name} is declared already{where}", "give it another name")
        if name.upper() in _RESERVED:
            raise line.error(f"{name} is a word of DAGMan's own", "give the node another name")
        if "+" in name and line.keyword != "SPLICE":
            raise line.error(f"the name {name} has a +", "leave it to the nodes of splices")

    def splice(self, line: Line) -> None:
        name, named, *options = words_of(line, 2, "NAME FILE.dag")
        self.free(line, name)
        folder, _ = folder_of(line, options, set())
        place = self.folder / folder
        file = place / named
        if file.absolute() in self.within:
            raise line.error(f"{named} splices itself", "leave out one SPLICE of the circle")
        if not file.is_file():
            raise NotFoundError(line.place, f"SPLICE: there is no file {file}", "correct its name")
        inner = self.splices[name] = _Scope(file, place, self.within)
        for node in inner.nodes.values():
            within = str(Path(folder, node.folder)) if folder or node.folder else ""
            category = node.category and category_of(name, node.category)
            full = f"{name}+{node.name}"
            held = node.submit in inner.descriptions
            self.nodes[full] = replace(
                node,
                name=full,
                submit=f"{name}+{node.submit}" if held else node.submit,
                folder=within,
                category=category,
            )
        for parents, children in inner.edges:
            self.edges.append((in_splice(name, parents), in_splice(name, children)))
        for category, limit in inner.max_jobs.items():
            self.max_jobs[category_of(name, category)] = limit
        self.descriptions |= {f"{name}+{key}": text for key, text in inner.descriptions.items()}

    def description(self, line: Line) -> None:
        if line.body is None:
            raise line.error(
                f"expected an inline description, found {line.rest!r}",
                "write SUBMIT-DESCRIPTION NAME { and, after the description, a line }",
            )
        self.descriptions[line.words()[0]] = line.body

    def parent(self, line: Line) -> None:
        words = line.words()
        places = [place for place, word in enumerate(words) if word.upper() == "CHILD"]
        if not places:
            raise line.error("no CHILD in the line", "write PARENT a b CHILD c d")
        parents, children = words[: places[0]], words[places[0] + 1 :]
        children = [word for word in children if word.upper() != "CHILD"]
        if not parents or not children:
            problem = f"no node {'before' if not parents else 'after'} CHILD"
            raise line.error(problem, "write PARENT a b CHILD c d")
        before = tuple(node for name in parents for node in self.end(line, name, first=False))
        after = tuple(node for name in children for node in self.end(line, name, first=True))
        if before and after:
            self.edges.append((before, after))

    def end(self, line: Line, name: str, *, first: bool) -> tuple[str, ...]:
        """Return the node of this name, or the first or last nodes of the splice."""
        if name in self.splices:
            return in_splice(name, self.splices[name].ends(first=first))
        node = self.known(line, name)
        if node.kind in _ALONE:
            raise line.error(
                f"{name} is a {node.kind.upper()} node, which has no parents and no children",
                f"leave {name} out of the line",
            )
        return (name,)

    def known(self, line: Line, name: str) -> DagNode:
        """Return the node of this name."""
        node = self.nodes.get(name)
        if node is not None:
            return node
        if name in self.splices:
            raise line.error(
                f"{name} is a splice, not a node", f"name its nodes one by one: {name}+NODE"
            )
        raise line.error(f"no node is called {name}", near(name, [*self.nodes, *self.splices]))

    def change(self, line: Line, name: str, **fields: object) -> None:
        """Set fields of one node, or of all."""
        names: Iterable[str] = [name]
        if name.upper() == ALL:
            names = [key for key, node in self.nodes.items() if node.kind not in _ALONE]
        for each in names:
            self.nodes[each] = replace(self.known(line, each), **fields)  # type: ignore[arg-type] # fields of DagNode

    def script(self, line: Line) -> None:
        text, defer, debug = line.rest, None, None
        while (found := text.split(maxsplit=3)) and found[0].upper() in {"DEFER", "DEBUG"}:
            if len(found) < 4:
                raise line.error(f"nothing follows {found[0]}", "write SCRIPT PRE NODE PROGRAM")
            if found[0].upper() == "DEFER":
                defer = (
                    number_of(line, found[1], "an exit code"),
                    number_of(line, found[2], "seconds", 0),
                )
            elif found[2].upper() in _STREAMS:
                debug = (found[1], found[2].upper())
            else:
                raise line.error(
                    f"expected STDOUT, STDERR or ALL after the file, found {found[2]!r}",
                    near(found[2].upper(), _STREAMS),
                )
            text = found[3]
        words = text.split(maxsplit=2)
        if not words or words[0].upper() not in _SCRIPTS:
            raise line.error(
                f"expected PRE, POST or HOLD, found {text!r}",
                near(words[0].upper() if words else "", _SCRIPTS),
            )
        if len(words) < 3:
            raise line.error("no program after the node", "write SCRIPT PRE NODE PROGRAM")
        script = Script(words[0].upper(), words[2], defer, debug)
        for name in [words[1]] if words[1].upper() != ALL else list(self.nodes):
            kept = [one for one in self.known(line, name).scripts if one.kind != script.kind]
            self.change(line, name, scripts=(*kept, script))

    def retry(self, line: Line) -> None:
        name, count, *rest = words_of(line, 2, "NODE COUNT")
        code = option_of(line, rest, "UNLESS-EXIT")
        self.change(line, name, retries=number_of(line, count, "a count", 0), unless_exit=code)

    def abort(self, line: Line) -> None:
        name, status, *rest = words_of(line, 2, "NODE EXIT-CODE")
        code = option_of(line, rest, "RETURN")
        if code is not None and not 0 <= code <= 255:
            raise line.error(f"RETURN {code} is not an exit code", "give a number from 0 to 255")
        self.change(line, name, abort_on=(number_of(line, status, "an exit code"), code))

    def variables(self, line: Line) -> None:
        name, _, text = line.rest.replace("\t", " ").partition(" ")
        first = text.split(maxsplit=1)
        if first and first[0].upper() in {"PREPEND", "APPEND"}:
            text = first[1] if len(first) > 1 else ""
        found = variables_of(line, text)
        names = [name] if name.upper() != ALL else list(self.nodes)
        for each in names:
            self.change(line, each, variables=(*self.known(line, each).variables, *found))

    def done(self, line: Line) -> None:
        (name,) = words_of(line, 1, "NODE", 1)
        if name.upper() == ALL:
            raise line.error("DONE takes one node", "name it")
        self.known(line, name)
        self.change(line, name, done=True)

    def number(self, line: Line) -> None:
        """PRIORITY and PRE_SKIP: a node and a number."""
        name, text = words_of(line, 2, "NODE NUMBER", 2)
        field = line.keyword.lower().replace("-", "_")
        self.change(line, name, **{field: number_of(line, text, "a number")})

    def category(self, line: Line) -> None:
        name, category = words_of(line, 2, "NODE CATEGORY", 2)
        self.change(line, name, category=category)

    def throttle(self, line: Line) -> None:
        category, limit = words_of(line, 2, "CATEGORY LIMIT", 2)
        self.max_jobs[category] = number_of(line, limit, "a limit", 0)

    def pin(self, line: Line) -> None:
        name, pin = words_of(line, 2, "NODE PIN", 2)
        self.known(line, name)
        self.pins[line.keyword].setdefault(number_of(line, pin, "a pin", 1), []).append(name)

    def connect(self, line: Line) -> None:
        """Place each output pin of the first splice before the same input pin of the second."""
        for name in (words := words_of(line, 2, "SPLICE SPLICE", 2)):
            if name not in self.splices:
                raise line.error(f"no splice is called {name}", near(name, self.splices))
        outs = self.splices[words[0]].pins["PIN-OUT"]
        ins = self.splices[words[1]].pins["PIN-IN"]
        if set(outs) != set(ins):
            raise line.error(
                f"{words[0]} has output pins {sorted(outs)}, {words[1]} input pins {sorted(ins)}",
                "give both the same pins",
            )
        for pin, names in outs.items():
            self.edges.append((in_splice(words[0], names), in_splice(words[1], ins[pin])))

    def save_point(self, line: Line) -> None:
        name, *rest = words_of(line, 1, "NODE [FILE]", 2)
        self.known(line, name)
        self.change(line, name, save_point=rest[0] if rest else f"{name}-{self.file.name}.save")

    def whole(self, line: Line) -> None:
        """Note what concerns the DAG as a whole, its words checked."""
        words = whole_words(line)
        if line.keyword == "CONFIG" and not (self.folder / words[0]).is_file():
            raise line.error(f"there is no file {self.folder / words[0]}", "correct its name")
        self.commands.append((line.keyword, line.rest))

    def environment(self, line: Line) -> None:
        words = line.rest.split(maxsplit=1)
        if len(words) < 2 or words[0].upper() not in {"SET", "GET"}:
            raise line.error(
                f"expected SET or GET and variables, found {line.rest!r}",
                "write ENV SET NAME=VALUE;NAME=VALUE or ENV GET NAME NAME",
            )
        self.commands.append((line.keyword, line.rest))

    def attribute(self, line: Line) -> None:
        if not line.rest:
            raise line.error("no attribute", "write SET_JOB_ATTR NAME = VALUE")
        self.commands.append((line.keyword, line.rest))

    def reject(self, line: Line) -> None:
        raise line.error(
            "this file says that it is not to be run",
            "it is a piece or a rescue DAG that cannot stand alone: give the DAG it belongs to",
        )


_COMMANDS: Mapping[str, Callable[[_Scope, Line], None]] = {
    **dict.fromkeys(_NODES, _Scope.node),
    "SUBDAG": _Scope.subdag,
    "SPLICE": _Scope.splice,
    "SUBMIT-DESCRIPTION": _Scope.description,
    "PARENT": _Scope.parent,
    "SCRIPT": _Scope.script,
    "RETRY": _Scope.retry,
    "ABORT-DAG-ON": _Scope.abort,
    "VARS": _Scope.variables,
    "DONE": _Scope.done,
    "PRIORITY": _Scope.number,
    "PRE-SKIP": _Scope.number,
    "CATEGORY": _Scope.category,
    "MAXJOBS": _Scope.throttle,
    "PIN-IN": _Scope.pin,
    "PIN-OUT": _Scope.pin,
    "CONNECT": _Scope.connect,
    "SAVE-POINT-FILE": _Scope.save_point,
    **dict.fromkeys(WHOLE, _Scope.whole),
    "ENV": _Scope.environment,
    "SET-JOB-ATTR": _Scope.attribute,
    "REJECT": _Scope.reject,
}
_DECLARING = {*_NODES, "SUBDAG", "SPLICE", "SUBMIT-DESCRIPTION"}


def _unknown(line: Line) -> DeclarationError:
    fix = near(line.keyword, [*_COMMANDS, "INCLUDE"])
    return DeclarationError(line.place, f"{line.keyword} is not a command of DAGMan", fix)

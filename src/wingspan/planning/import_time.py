"""Find statements that run when a project's modules are imported and change other objects."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from wingspan.planning.altering import Altering
from wingspan.planning.project import Module, Project, prefixes
from wingspan.planning.syntax import Statement


def acting(altering: Altering, module: Module) -> tuple[Statement, ...]:
    """Return a module's statements that change what other modules made, or import what does."""
    source = module.source
    return tuple(
        each
        for position, each in enumerate(source.statements)
        if (
            _for_its_effect(altering.project, module, each)
            if each.is_import
            else altering.acts(module, position)
        )
    )


def import_time_code(
    project: Project, modules: Iterable[Module], acts: dict[Module, tuple[Statement, ...]]
) -> Iterator[tuple[Module, list[Statement]]]:
    """Give, for each module whose import changes something elsewhere, its statements that do.

    Imports of such modules are among them where there are several: their order counts.
    """
    imported = {module: list(_imports(project, module)) for module in modules}
    importers: dict[Module, list[Module]] = defaultdict(list)
    for module, pairs in imported.items():
        for _, others in pairs:
            for other in others:
                importers[other].append(module)
    active: set[Module] = set()
    pending = [module for module in imported if acts[module]]
    while pending:
        module = pending.pop()
        if module not in active:
            active.add(module)
            pending += importers[module]
    for module, pairs in imported.items():
        through = {each for each, others in pairs if active.intersection(others)}
        own = {*acts[module]}
        if own or len(through) > 1:
            yield module, [each for each in module.source.statements if each in own | through]


def _imports(project: Project, module: Module) -> Iterator[tuple[Statement, set[Module]]]:
    """Yield each statement with the modules that it imports, except the packages around it."""
    before = {project.module(name) for name in prefixes(module.name)[:-1]}
    for each in module.source.statements:
        names: list[str] = []
        for found in each.imports_at_once:
            names += prefixes(found.module) if found.module else []
            inner = found.name and project.submodule(found.module, found.name)
            names += [inner] if inner else []
        found_modules = {project.module(name) for name in names} - before
        others = {other for other in found_modules if other is not None}
        if others:
            yield each, others


def _for_its_effect(project: Project, module: Module, statement: Statement) -> bool:
    """Say whether a statement imports a library whose name the module never uses."""
    place = project.place(statement.imports[0].module.partition(".")[0])
    if place is None or place.kind != "distribution":
        return False
    return module.source.unused(statement)

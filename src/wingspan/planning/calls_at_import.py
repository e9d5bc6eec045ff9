"""Find the imports in functions that run as a project's modules are imported.

An example is ``MODEL = make()``.
"""

import ast
from collections.abc import Iterable, Iterator

from wingspan.planning.project import Module, Project
from wingspan.planning.syntax import DEFINITIONS, Chain, Import, at_import


def imports_by_calls(project: Project, module: Module) -> Iterator[Import]:
    """Yield the imports of functions that an import of a module calls, directly or indirectly.

    A call is followed by its written name; a function that is only handed on is not.
    """
    pending = [
        (module, callee)
        for each in module.source.statements
        if not each.is_import
        for callee in _called(at_import(each.node))
    ]
    seen: set[tuple[Module, tuple[str, Chain]]] = set()
    while pending:
        place, (name, chain) = key = pending.pop()
        if key in seen:
            continue
        seen.add(key)
        for found in project.find_name(place, name, chain):
            if found.module is None:
                continue
            for each in found.module.source.binding(found.name):
                if each.defines(found.name) in {"function", "class"}:
                    yield from each.imports
                    pending += [(found.module, callee) for callee in _called(ast.walk(each.node))]


def _called(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, Chain]]:
    """Yield name and attributes of each call.

    ``a.b(c)`` gives ``a`` and ``("b",)``. A decorator is called too.
    """
    for node in nodes:
        if isinstance(node, ast.Call):
            yield from _written(node.func)
        elif isinstance(node, DEFINITIONS):
            for decorator in node.decorator_list:
                yield from _written(decorator)


def _written(callee: ast.expr) -> Iterator[tuple[str, Chain]]:
    chain: list[str] = []
    while isinstance(callee, ast.Attribute):
        chain.insert(0, callee.attr)
        callee = callee.value
    if isinstance(callee, ast.Name):
        yield callee.id, tuple(chain)

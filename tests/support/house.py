"""Checks the structure of the code: one name for one class and one module, short files, rooms that are not too full and do not
import each other in a circle.

A room is a package. Each module directly in `etapa`, such as `errors`, is a room too; a folder of `tests` is one room with everything
below it.
"""

import ast
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from itertools import combinations
from pathlib import Path

Edges = Mapping[str, frozenset[str]]
"""The rooms that each room imports."""


def repeated_classes(files: Mapping[str, str]) -> dict[str, list[str]]:
    """Public classes that more than one file defines. `files` maps paths to sources."""
    homes: dict[str, list[str]] = {}
    for path, source in files.items():
        for statement in ast.parse(source).body:
            if isinstance(statement, ast.ClassDef) and not statement.name.startswith("_"):
                homes.setdefault(statement.name, []).append(path)
    return {name: sorted(paths) for name, paths in homes.items() if len(paths) > 1}


def long_files(files: Mapping[str, str], limit: int) -> dict[str, int]:
    """Files with more than `limit` lines, and their numbers of lines."""
    return {path: lines for path, source in files.items() if (lines := source.count("\n")) > limit}


def full_rooms(files: Mapping[str, str], limit: int) -> dict[str, int]:
    """Folders with more than `limit` modules, and their numbers of modules."""
    rooms = Counter(str(Path(path).parent) for path in files if not path.endswith("__init__.py"))
    return {room: modules for room, modules in rooms.items() if modules > limit}


def repeated_modules(files: Mapping[str, str], twins: Collection[tuple[str, str]]) -> dict[str, list[str]]:
    """Modules with the same name in different rooms, unless a pair of `twins` (the beginnings of two paths) explains it."""
    homes: dict[str, list[str]] = {}
    for path in sorted(files):
        homes.setdefault(Path(path).stem, []).append(path)
    both_ways = {*twins, *((two, one) for one, two in twins)}
    found: dict[str, list[str]] = {}
    for name, paths in homes.items():
        pairs = combinations(paths, 2)
        if any(not any(one.startswith(first) and two.startswith(second) for first, second in both_ways) for one, two in pairs):
            found[name] = paths
    found.pop("__init__", None)
    return found


def circles(files: Mapping[str, str]) -> list[list[str]]:
    """Rooms that import each other, directly or through others. `files` maps paths below the import root to sources."""
    rooms = imports_between_rooms(files)
    found = {tuple(sorted(_in_circle_with(room, rooms))) for room in rooms}
    return [list(circle) for circle in sorted(found) if len(circle) > 1]


def imports_between_rooms(files: Mapping[str, str]) -> Edges:
    """Each room and the rooms that it imports, anywhere in its files."""
    modules = {_module_of(path): path for path in files}
    edges: dict[str, set[str]] = {}
    for module, path in modules.items():
        room = _room_of(module, modules)
        reached = edges.setdefault(room, set())
        for imported in _imports(files[path]):
            target = _known(imported, modules)
            if target is not None:
                reached.add(_room_of(target, modules))
    return {room: frozenset(reached - {room}) for room, reached in edges.items()}


def read_tree(root: Path, *folders: str) -> dict[str, str]:
    """The Python files in these folders of `root`, by their path below it."""
    found = sorted(path for folder in folders for path in (root / folder).rglob("*.py"))
    return {str(path.relative_to(root)): path.read_text(encoding="utf-8") for path in found}


def _module_of(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _room_of(module: str, modules: Mapping[str, str]) -> str:
    if module.startswith("tests."):
        return ".".join(module.split(".")[:2])
    if modules[module].endswith("__init__.py"):
        return module
    package, _, _ = module.rpartition(".")
    return module if package in ("", "etapa") else package


def _imports(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _known(imported: str, modules: Mapping[str, str]) -> str | None:
    """The module that an import refers to: the one it names, or the one that defines the imported name."""
    if imported in modules:
        return imported
    package, _, _ = imported.rpartition(".")
    return package if package in modules else None


def _in_circle_with(room: str, rooms: Edges) -> set[str]:
    """The rooms that `room` reaches and that reach it, including itself."""
    return {room} | {other for other in _reached_from(room, rooms) if room in _reached_from(other, rooms)}


def _reached_from(room: str, rooms: Edges) -> set[str]:
    reached: set[str] = set()
    waiting = list(rooms.get(room, ()))
    while waiting:
        other = waiting.pop()
        if other not in reached:
            reached.add(other)
            waiting += rooms.get(other, ())
    return reached

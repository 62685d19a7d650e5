"""A condition stands in the files that CONTRIBUTING.md names for adding one, and in few others, each with its reason."""

import ast
import importlib
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from etapa.journey.language.kinds.condition import Leaf
from tests.support.house import read_tree

ROOT = Path(__file__).parents[2]
JOURNEY = "service/etapa/journey"
KINDS = f"{JOURNEY}/language/kinds/"
LEAVES = f"{JOURNEY}/engine/conditions/"
FOR_EVERY_KIND = {f"{LEAVES}compile.py"}
"""Beside the file that says what it is, the one that judges it, and `table.py`, which names the file rather than the class."""

ASK_OF_SOME_KINDS = {
    f"{KINDS}logic.py": "an absence ends when its touchpoint comes, which only `event` sees",
    f"{KINDS}subjects.py": "traits are what a segment is about",
    f"{JOURNEY}/language/checks.py": "rules in a circle go on for ever unless an event or a time in the stage holds them up",
    f"{JOURNEY}/language/campaigns.py": "what a campaign may ask; consent is a trait",
    f"{JOURNEY}/language/design/catalogues.py": "how a persona is recognised is a condition on a trait",
    f"{JOURNEY}/language/model.py": "consent is a trait",
    f"{JOURNEY}/engine/judging/campaigns.py": "consent is a trait",
    "service/etapa/rehearsal/type_look.py": "values of the wrong type, for kinds that read values",
    "service/etapa/rehearsal/types_named.py": "the types that a condition names; a score has them outside a match",
    "service/etapa/embedded/improvised.py": "how long the demo waits, and which values it invents, to make a condition true",
}
"""Files that treat some kinds in their own way. A new kind needs none of them."""

LEAF_CLASSES = {
    name: each
    for path in sorted((ROOT / KINDS).glob("*.py"))
    for name, each in vars(importlib.import_module(f"etapa.journey.language.kinds.{path.stem}")).items()
    if isinstance(each, type) and issubclass(each, Leaf) and each is not Leaf and each.__module__.endswith(f".{path.stem}")
}


def _importers(files: Mapping[str, str]) -> dict[str, set[str]]:
    """For each kind of leaf, the files that import its class."""
    found: dict[str, set[str]] = defaultdict(set)
    for path, source in files.items():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    if alias.name in LEAF_CLASSES and LEAF_CLASSES[alias.name].__module__ == node.module:
                        found[alias.name].add(path)
    return dict(found)


def test_every_kind_stands_in_its_two_files_and_two_tables() -> None:
    importers = _importers(read_tree(ROOT, "service"))
    assert importers.keys() == LEAF_CLASSES.keys()
    for name, files in importers.items():
        judging = {path for path in files if path.startswith(LEAVES)} - FOR_EVERY_KIND
        assert judging, f"nothing judges {name}"
        assert files - judging - ASK_OF_SOME_KINDS.keys() == FOR_EVERY_KIND, name


def test_files_that_treat_some_kinds_in_their_own_way_are_listed_and_no_others() -> None:
    importers = _importers(read_tree(ROOT, "service"))
    asking = {path for files in importers.values() for path in files if not path.startswith(LEAVES)} - FOR_EVERY_KIND
    assert asking == ASK_OF_SOME_KINDS.keys()


def test_every_kind_is_compared_with_the_second_evaluator() -> None:
    reference = _importers(read_tree(ROOT, "tests/reference"))
    for name in LEAF_CLASSES:
        assert "tests/reference/evaluator.py" in reference[name], name


def test_every_kind_says_itself_what_it_is_called_in_two_ways_and_what_it_lacks() -> None:
    for name, kind in LEAF_CLASSES.items():
        missing = {"text", "sentence", "seen", "lacking"} - {
            method for base in kind.__mro__[: kind.__mro__.index(Leaf)] for method in vars(base)
        }
        assert not missing, name


def test_an_import_of_a_kind_anywhere_is_found() -> None:
    files = {"a.py": "from etapa.journey.language.kinds.count import Count", "b.py": "from collections.abc import Sequence"}
    assert _importers(files) == {"Count": {"a.py"}}

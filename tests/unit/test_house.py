"""One name for one class and one module, short files, rooms that are not too full, and no circle of rooms; and each of these checks can
fail.
"""

from pathlib import Path

from tests.support.house import circles, full_rooms, imports_between_rooms, long_files, read_tree, repeated_classes, repeated_modules

ROOT = Path(__file__).parents[2]
LIMIT = 300
LIMIT_OF_TESTS = 400

LIMIT_OF_ROOMS = 24
FULL_FOR_A_REASON = {
    "service/etapa/commands": "a file for each command",
    "tests/unit/cli": "a file for each command",
    "service/etapa/stream/protocol": "the steps of a batch and what goes between them: each step knows the records and states of the others",
}
"""Folders with more modules, all of one kind."""

TWINS = {
    ("etapa/journey/language/", "etapa/journey/engine/"): "what a journey file says, and what the engine makes of it",
    ("etapa/journey/language/", "etapa/rehearsal/"): "what a journey file says, and how it is tried",
    ("etapa/journey/engine/accumulators/", "etapa/journey/engine/conditions/"): "a condition, and what it remembers",
    ("etapa/journey/", "etapa/contracts/"): "what the core has, and how it is written",
    ("etapa/commands/", "etapa/"): "a command, and the room that does its work",
    ("etapa/metrics/", "etapa/"): "what is counted, and what it is counted of",
    ("etapa/stream/kafka/", "etapa/stream/redis/"): "the same of either server",
}
"""Rooms whose modules have the same names on purpose, and why."""

SAME_NAME_FOR_A_REASON = {
    "errors": "the map of all errors, and those of each server",
    "figures": "those that a batch counts, and those that a map shows",
    "model": "what a journey file says, and what a source file says",
    "ports": "what a room needs from others",
    "schema": "the JSON Schema of what its room reads or writes",
}
"""Modules with the same name, distinguished by their rooms."""


def _package() -> dict[str, str]:
    return read_tree(ROOT / "service", "etapa")


def _bench_and_tests() -> dict[str, str]:
    return read_tree(ROOT, "bench", "tests")


def _shared(files: dict[str, str]) -> dict[str, str]:
    """Without test files themselves, whose doubles are seen nowhere else."""
    return {path: source for path, source in files.items() if not Path(path).name.startswith("test_")}


def test_no_two_public_classes_have_the_same_name() -> None:
    assert repeated_classes(_package() | _shared(_bench_and_tests())) == {}


def test_no_file_is_past_the_limit() -> None:
    assert long_files(read_tree(ROOT, "service", "bench", "deploy"), LIMIT) == {}
    assert long_files(read_tree(ROOT, "tests"), LIMIT_OF_TESTS) == {}


def test_a_room_past_the_limit_is_listed_with_its_reason_and_no_other() -> None:
    assert full_rooms(read_tree(ROOT, "service", "bench", "tests"), LIMIT_OF_ROOMS).keys() == FULL_FOR_A_REASON.keys()


def test_modules_of_one_name_are_twins_or_listed_with_their_reason() -> None:
    assert repeated_modules(_package(), TWINS.keys()).keys() == SAME_NAME_FOR_A_REASON.keys()
    assert repeated_modules(read_tree(ROOT, "bench"), ()) == {}


def test_no_rooms_import_each_other_in_a_circle() -> None:
    package = _package()
    # What commands share must not import a command either: that would be a circle.
    assert circles(package) == []
    # The folders of benchmarks and tests: they may import the package, never the other way round.
    assert circles(package | _shared(_bench_and_tests())) == []


def test_a_class_that_two_files_define_is_found() -> None:
    files = {"a.py": "class Clock: ...", "b.py": "class Clock: ...\nclass _Kept: ...", "c.py": "class _Kept: ...\nClock = 1"}
    assert repeated_classes(files) == {"Clock": ["a.py", "b.py"]}


def test_a_file_with_a_line_too_many_is_found() -> None:
    assert long_files({"short.py": "\n" * 3, "long.py": "\n" * 4}, 3) == {"long.py": 4}


def test_a_room_with_a_module_too_many_is_found() -> None:
    files = {"a/__init__.py": "", "a/b.py": "", "a/c.py": "", "a/d/e.py": ""}
    assert full_rooms(files, 1) == {"a": 2}


def test_a_module_whose_name_stands_in_another_room_is_found_unless_the_rooms_are_twins() -> None:
    files = dict.fromkeys(["said/__init__.py", "said/count.py", "done/__init__.py", "done/count.py"], "")
    assert repeated_modules(files, ()) == {"count": ["done/count.py", "said/count.py"]}
    assert repeated_modules(files, [("said/", "done/")]) == {}
    assert repeated_modules(files | {"shown/count.py": ""}, [("said/", "done/")]).keys() == {"count"}


def test_a_circle_by_way_of_a_third_room_is_found_wherever_the_import_stands() -> None:
    files = {
        "etapa/__init__.py": "",
        "etapa/errors.py": "",
        "etapa/language/__init__.py": "",
        "etapa/language/load.py": "from etapa.language.kinds.count import Count",
        "etapa/language/kinds/__init__.py": "",
        "etapa/language/kinds/count.py": "from etapa.errors import EtapaError\n\ndef read() -> None:\n    from etapa import engine",
        "etapa/engine/__init__.py": "import etapa.language.load",
    }
    assert circles(files) == [["etapa.engine", "etapa.language", "etapa.language.kinds"]]
    assert imports_between_rooms(files)["etapa.language.kinds"] == {"etapa.errors", "etapa.engine"}
    files["etapa/engine/__init__.py"] = ""
    assert circles(files) == []

"""One name for one class, files of one story, and no circle of rooms; and that each of these checks can fail."""

from pathlib import Path

from tests.support.house import circles, imports_between_rooms, long_files, read_tree, repeated_classes

ROOT = Path(__file__).parents[2]
LIMIT = 300
LIMIT_OF_TESTS = 400

LONG_FOR_A_REASON = {
    "service/etapa/metrics/catalogue.py": "a table, a row for each metric",
    "service/etapa/stream/protocol/tenure.py": "the order of a batch's steps, which is what makes it exactly once, is to be read in one piece",
}
"""Files past the limit that tell one story all the same."""


def _package() -> dict[str, str]:
    return read_tree(ROOT / "service", "etapa")


def _bench_and_tests() -> dict[str, str]:
    return read_tree(ROOT, "bench", "tests")


def _shared(files: dict[str, str]) -> dict[str, str]:
    """Without the files of tests themselves, whose doubles nobody else sees."""
    return {path: source for path, source in files.items() if not Path(path).name.startswith("test_")}


def test_no_two_public_classes_have_the_same_name() -> None:
    assert repeated_classes(_package() | _shared(_bench_and_tests())) == {}


def test_a_file_past_the_limit_is_listed_with_its_reason_and_no_other() -> None:
    files = read_tree(ROOT, "service", "bench")
    assert long_files(files, LIMIT).keys() == LONG_FOR_A_REASON.keys()
    assert long_files(read_tree(ROOT, "tests"), LIMIT_OF_TESTS) == {}


def test_no_rooms_import_each_other_in_a_circle() -> None:
    package = _package()
    assert circles(package) == []
    # Those of benchmarks and tests: what stands in them may import the package, never the other way round.
    assert circles(package | _shared(_bench_and_tests())) == []


def test_a_class_that_two_files_define_is_found() -> None:
    files = {"a.py": "class Clock: ...", "b.py": "class Clock: ...\nclass _Kept: ...", "c.py": "class _Kept: ...\nClock = 1"}
    assert repeated_classes(files) == {"Clock": ["a.py", "b.py"]}


def test_a_file_with_a_line_too_many_is_found() -> None:
    assert long_files({"short.py": "\n" * 3, "long.py": "\n" * 4}, 3) == {"long.py": 4}


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

"""Files of tests that wait for servers are dealt out among those that compute."""

from tests.support.mixed import in_turns

COMPUTING = {f"tests/unit/test_{number:02}.py": 3 for number in range(20)}
WAITING = {
    "tests/browser/test_map.py": 2,
    "tests/faults/test_drill.py": 1,
    "tests/integration/test_a.py": 1,
    "tests/integration/test_b.py": 9,
}


def test_every_file_has_its_turn_drills_before_files_of_many_tests_and_none_that_waits_at_the_end() -> None:
    order = in_turns({**WAITING, **COMPUTING}, WAITING)
    assert sorted(order) == sorted({**WAITING, **COMPUTING})
    assert [name for name in order if name in WAITING] == [
        "tests/faults/test_drill.py",
        "tests/integration/test_b.py",
        "tests/browser/test_map.py",
        "tests/integration/test_a.py",
    ]
    assert [name for name in order if name in COMPUTING] == list(COMPUTING)
    assert [order.index(name) for name in WAITING] == [11, 0, 16, 6]
    assert not set(order[-3:]) & set(WAITING)


def test_files_of_one_sort_keep_their_order() -> None:
    assert in_turns(COMPUTING, ()) == list(COMPUTING)
    assert in_turns({"tests/integration/test_a.py": 1}, ["tests/integration/test_a.py"]) == ["tests/integration/test_a.py"]

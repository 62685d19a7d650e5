from tests.faults.checking.timing import Timing


def test_a_touchpoint_took_until_the_first_mark_that_stands_for_it() -> None:
    timing = Timing()
    for offset, sent in enumerate([1_000, 1_100, 1_200, 1_300]):
        timing.touchpoint(0, offset, sent)
    timing.mark(0, 1, 1_500)
    timing.mark(0, 2, 3_200)
    assert timing.delays(0, 0, 10_000) == [0.5, 0.4, 2.0]
    assert timing.delays(0, 1_100, 1_200) == [0.4]
    assert timing.delays(1, 0, 10_000) == []
    assert [timing.processed_at(0, offset) for offset in range(3)] == [1_500, 1_500, 3_200]


def test_marks_may_be_read_before_the_touchpoints() -> None:
    timing = Timing()
    timing.mark(0, 1, 1_500)
    timing.touchpoint(0, 0, 1_000)
    timing.touchpoint(0, 1, 1_400)
    assert timing.delays(0, 0, 10_000) == [0.5, 0.1]

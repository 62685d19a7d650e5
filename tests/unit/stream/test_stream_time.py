"""How a quiet partition's stream time advances, and how far a batch may go before timers that are not loaded."""

from etapa.contracts.incoming.rejected import Rejected
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.units import SECOND, YEAR
from etapa.stream.protocol.stream_time import QuietPace, count_before, stream_time_after

NOW = 1_795_000_000 * SECOND


def touchpoint(at: int) -> Touchpoint:
    return Touchpoint("e", "c", "view", at)


def test_without_a_stream_time_there_is_nothing_to_run_on() -> None:
    assert QuietPace(60 * SECOND, 0.0).position(None, NOW, 1000.0) is None


def test_a_live_partition_runs_on_at_the_wall_clocks_pace_from_where_it_is() -> None:
    pace = QuietPace(60 * SECOND, 0.0)
    assert pace.position(NOW - 5 * SECOND, NOW, 0.0) == NOW - 5 * SECOND
    assert pace.position(NOW - 5 * SECOND, NOW + 30 * SECOND, 30.0) == NOW + 25 * SECOND


def test_history_stands_still_until_the_partition_has_been_quiet_long_enough() -> None:
    pace = QuietPace(60 * SECOND, 0.0)
    assert pace.position(NOW - YEAR, NOW + 59 * SECOND, 59.0) == NOW - YEAR
    assert pace.position(NOW - YEAR, NOW + 60 * SECOND, 60.0) == NOW + 60 * SECOND


def test_what_is_heard_starts_the_quiet_again() -> None:
    pace = QuietPace(60 * SECOND, 0.0)
    pace.heard(50.0)
    assert pace.position(NOW - YEAR, NOW + 100 * SECOND, 100.0) == NOW - YEAR
    assert pace.position(NOW - YEAR, NOW + 110 * SECOND, 110.0) == NOW + 110 * SECOND


def test_it_is_never_ahead_of_the_wall_clock_and_never_goes_back() -> None:
    pace = QuietPace(60 * SECOND, 0.0)
    assert pace.position(NOW, NOW + 3 * SECOND, 10.0) == NOW + 3 * SECOND
    assert pace.position(NOW, NOW - YEAR, 11.0) == NOW + 3 * SECOND
    pace.heard(12.0)
    assert pace.position(NOW, NOW - YEAR, 12.0) == NOW + 3 * SECOND


def test_a_stream_time_that_touchpoints_moved_on_is_where_it_runs_on_from() -> None:
    pace = QuietPace(60 * SECOND, 0.0)
    pace.position(NOW, NOW + 10 * SECOND, 10.0)
    pace.heard(20.0)
    assert pace.position(NOW + 15 * SECOND, NOW + 25 * SECOND, 25.0) == NOW + 20 * SECOND


def test_a_pace_of_no_patience_follows_the_wall_clock_at_once() -> None:
    assert QuietPace(0, 0.0).position(NOW - YEAR, NOW, 0.0) == NOW


def test_stream_time_is_the_latest_touchpoint_but_not_ahead_of_the_wall_clock_nor_back() -> None:
    assert stream_time_after([touchpoint(3), touchpoint(9), touchpoint(5)], None, 100) == 9
    assert stream_time_after([touchpoint(3), touchpoint(9)], 7, 8) == 8
    assert stream_time_after([touchpoint(3)], 7, 100) == 7
    assert stream_time_after([], None, 100) is None
    assert stream_time_after([], 7, 100) == 7


def test_a_batch_stops_before_the_touchpoint_that_would_bring_stream_time_to_the_bound() -> None:
    items: list[Touchpoint | Rejected] = [touchpoint(3), Rejected("invalid", ""), touchpoint(9), touchpoint(10), touchpoint(4)]
    assert count_before(10, items, None, 100) == 3
    assert count_before(11, items, None, 100) == 5
    assert count_before(3, items, None, 100) == 0
    assert count_before(10, items, None, 9) == 5
    assert count_before(10, items, 10, 100) == 0

"""What brokers' timestamps say about the present local clock."""

import struct

import pytest

from etapa.journey.units import SECOND
from etapa.stream.kafka.reading.brokers_clocks import TOLERANCE, Apart, BrokersClocks, Stamp, ahead_of, disagreement_in_words
from etapa.stream.kafka.reading.stamps import stamp_of

NOON = 1_795_000_000 * SECOND


def stamp(after: float | None, before: float, at: int = NOON, broker: int = 1) -> Stamp:
    return Stamp(broker, at, after, before)


@pytest.mark.parametrize("wall", [NOON + 20 * SECOND, NOON + 25 * SECOND, NOON + 30 * SECOND])
def test_a_clock_within_what_is_known_of_the_brokers_may_well_be_right(wall: int) -> None:
    # It was written between the moments 100 and 110, and now is 130.
    assert ahead_of(stamp(100, 110), wall, 130) == 0


def test_a_clock_outside_of_that_is_wrong_by_so_much_at_least() -> None:
    assert ahead_of(stamp(100, 110), NOON + 630 * SECOND, 130) == 600 * SECOND
    assert ahead_of(stamp(100, 110), NOON - 580 * SECOND, 130) == -600 * SECOND


def test_of_what_was_written_nobody_knows_when_only_a_slow_clock_can_be_told() -> None:
    assert ahead_of(stamp(None, 110), NOON + 10**15, 130) == 0
    assert ahead_of(stamp(None, 110), NOON, 130) == -20 * SECOND


def test_a_clock_that_is_set_right_or_wrong_later_is_judged_by_the_stamps_that_are_known() -> None:
    clocks = BrokersClocks()
    clocks.saw(stamp(100, 101))
    assert clocks.farthest(NOON + 900 * SECOND, 1_000) == Apart(1, 0)
    assert clocks.farthest(NOON + 900 * SECOND - 3_600 * SECOND, 1_000) == Apart(1, -3_599 * SECOND)
    assert clocks.farthest(NOON + 5_000 * SECOND, 5_100) == Apart(1, 0)


def test_the_last_stamp_of_a_broker_counts_and_one_without_a_beginning_only_while_there_is_no_other() -> None:
    clocks = BrokersClocks()
    assert clocks.farthest(NOON, 0) is None
    clocks.saw(stamp(None, 100, at=NOON + 300 * SECOND))
    assert clocks.farthest(NOON, 100) == Apart(1, -300 * SECOND)
    clocks.saw(stamp(100, 105, at=NOON + 3 * SECOND))
    clocks.saw(stamp(None, 106, at=NOON + 300 * SECOND))
    assert clocks.farthest(NOON + 5 * SECOND, 105) == Apart(1, 0)


def test_of_several_brokers_the_one_farthest_away_is_told() -> None:
    clocks = BrokersClocks()
    clocks.saw(stamp(100, 101))
    clocks.saw(stamp(100, 101, at=NOON - 500 * SECOND, broker=2))
    clocks.saw(stamp(100, 101, at=NOON + 30 * SECOND, broker=3))
    assert clocks.farthest(NOON + SECOND, 101) == Apart(2, 500 * SECOND)


def test_words_tell_which_clock_is_where_and_stay_away_within_what_is_allowed() -> None:
    addresses = {2: "kafka-2:9092"}
    assert disagreement_in_words(None, addresses) == ""
    assert disagreement_in_words(Apart(2, -TOLERANCE), addresses) == ""
    assert disagreement_in_words(Apart(2, TOLERANCE), addresses) == ""
    assert "the clock here is 600 s behind that of broker 2 at kafka-2:9092, " in disagreement_in_words(Apart(2, -600 * SECOND), addresses)
    assert "the clock here is 61 s ahead of that of broker 3, " in disagreement_in_words(Apart(3, 61 * SECOND), addresses)


def batch(attributes: int, magic: int = 2, at: int = 1_795_000_000_123) -> bytes:
    return struct.pack(">qiibIhiqq", 7, 66, 0, magic, 0, attributes, 0, at, at) + bytes(34)


@pytest.mark.parametrize(
    ("found", "at"),
    [
        (batch(0x30), 1_795_000_000_123_000),  # a marker, which is transactional and a control batch
        (batch(0x08), 1_795_000_000_123_000),  # stamped on append
        (batch(0x10), None),  # a client's time
        (batch(0x30, at=-1), None),
        (batch(0x08, magic=1), None),
        (batch(0x30)[:40], None),
        (b"", None),
    ],
)
def test_only_the_time_that_a_broker_gave_counts(found: bytes, at: int | None) -> None:
    assert stamp_of(found) == at

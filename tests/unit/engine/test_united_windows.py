"""What two customers remember, united, beyond what is kept one by one: nothing is lost, and the error is that of one customer."""

import random
from typing import Any

import pytest

from etapa.journey.engine.accumulators.accumulator import Accumulator
from etapa.journey.engine.accumulators.before import CountBefore, LastBefore, ValuesBefore
from etapa.journey.engine.accumulators.distinct import DistinctEver, DistinctWindow
from etapa.journey.engine.accumulators.ever import Values, exact_sum
from etapa.journey.engine.accumulators.keys import DayKey, DaysEver, KeysBefore, KeysBetween, KeysWithin, ValueKey
from etapa.journey.engine.accumulators.ordered import OrderedSteps
from etapa.journey.engine.accumulators.window import CountWindow, ValueWindow, has_buckets
from etapa.journey.engine.judging.classify import touch
from etapa.journey.identity.remembered import unite_memories
from etapa.journey.language.model import ANY_TYPE, Match
from tests.unit.engine.shops import did, program_of, us

ANY = Match((ANY_TYPE,))
PATH = ("properties", "v")
LONG = us("100d")
NOW = us("100d") - 1
MINUTE = us("1m")


def subclasses(kind: type[Any]) -> list[type[Any]]:
    return [kind, *(each for below in kind.__subclasses__() for each in subclasses(below))]


@pytest.mark.parametrize("kind", [each for each in subclasses(Accumulator) if "record" in vars(each) and each is not Accumulator])
def test_every_accumulator_says_how_two_are_united(kind: type[Any]) -> None:
    assert kind.united is not Accumulator.united


def entry_of(accumulator: Accumulator, times: list[int], values: list[Any]) -> Any:
    memory: list[Any] = [None]
    accumulator.place = 0
    now = 0
    for at, value in zip(times, values, strict=True):
        now = max(now, at)
        accumulator.record(memory, did("a", at, v=value), now)
    return memory[0]


def streams(number: int, seed: int) -> tuple[list[int], list[Any]]:
    chance = random.Random(seed)
    times = sorted(chance.randrange(0, NOW) // MINUTE * MINUTE for _ in range(number))
    return times, [chance.randint(0, 5000) for _ in range(number)]


@pytest.mark.parametrize(("ours", "theirs"), [(10, 400), (400, 10), (300, 3000), (200, 200)])
def test_counts_and_sums_beyond_256_touchpoints_lose_nothing(ours: int, theirs: int) -> None:
    first, second = streams(ours, 1), streams(theirs, 2)
    everything = [*first[1], *second[1]]

    def united(accumulator: Accumulator) -> Any:
        return accumulator.united(entry_of(accumulator, *first), entry_of(accumulator, *second), NOW)

    counted = united(CountWindow(ANY, LONG))
    assert has_buckets(counted)
    times, bucket_times, counts, _ = counted
    assert len(times) + sum(counts) == ours + theirs
    assert (len(times), max(bucket_times) < min(times)) == (256, True)
    assert (times, bucket_times) == (sorted(times), sorted(bucket_times))
    times, values, bucket_times, buckets = united(ValueWindow(PATH, ANY, LONG))
    assert len(times) + sum(each[0] for each in buckets) == ours + theirs
    assert exact_sum([*values, *(part for each in buckets for part in (each[1], *each[4:]))]) == sum(everything)
    assert (len(times), max(bucket_times) < min(times)) == (256, True)
    number, times, _, counts, _ = united(CountBefore(ANY, LONG // 2))
    assert number + len(times) + sum(counts) == ours + theirs
    assert number >= sum(at <= NOW - LONG // 2 for at in (*first[0], *second[0])) - max(counts, default=0)
    aged, _, values, _, buckets = united(ValuesBefore(PATH, ANY, LONG // 2))
    assert exact_sum([*aged[3:], *values, *(part for each in buckets for part in (each[1], *each[4:]))]) == sum(everything)
    number, least, most, *partials = united(Values(PATH, ANY))
    assert (number, least, most, exact_sum(partials)) == (ours + theirs, min(everything), max(everything), sum(everything))


def test_samples_of_different_values_stay_fair() -> None:
    first, second = streams(2000, 3), streams(2000, 4)
    different = len({*first[1], *second[1]})
    for accumulator in (
        DistinctEver(PATH, ANY),
        DistinctWindow(PATH, ANY, LONG),
        KeysWithin(ValueKey(PATH), ANY, LONG),
        KeysBefore(ValueKey(PATH), ANY),
    ):
        united = accumulator.united(entry_of(accumulator, *first), entry_of(accumulator, *second), NOW)
        assert len(united[-1]) <= 256
        assert (len(united[-1]) << united[0]) == pytest.approx(different, rel=0.25)
        assert len(set(united[-1])) == len(united[-1])
    between = KeysBetween(ValueKey(PATH), ANY, LONG, us("1d"))
    united = between.united(entry_of(between, *first), entry_of(between, *second), NOW)
    assert united[1] == sorted(united[1])
    assert len(united[1]) <= 256


def test_days_ever_are_counted_once_however_far_apart() -> None:
    accumulator = DaysEver(ANY)
    ours = entry_of(accumulator, [us("2d"), us("3d")], [0, 0])
    theirs = entry_of(accumulator, [us("-1d"), us("3d"), us("400d")], [0, 0, 0])
    assert accumulator.united(ours, theirs, NOW)[1] == 4
    assert accumulator.united(theirs, ours, NOW)[1] == 4
    # 89 years are kept, day by day; days beyond them are known to be missing.
    ours, theirs = entry_of(accumulator, [0], [0]), entry_of(accumulator, [us("40000d"), us("40001d")], [0, 0])
    _, number, bits, too_far = accumulator.united(ours, theirs, NOW)
    assert (number, too_far, len(bits) <= 4096) == (1, 2, True)
    assert DayKey().most == 1024


def test_the_last_values_before_a_time_stay_within_their_limit() -> None:
    accumulator = LastBefore(PATH, ANY, LONG // 2)
    first, second = streams(400, 5), streams(400, 6)
    united = accumulator.united(entry_of(accumulator, *first), entry_of(accumulator, *second), NOW)
    latest, times, values, omitted = united
    assert (len(times), len(values)) == (256, 256)
    assert omitted is not None
    everything = sorted(zip(first[0] + second[0], first[1] + second[1], strict=True), key=lambda each: each[0])
    assert latest[0] == max(at for at, _ in everything if at <= NOW - LONG // 2)


def test_a_run_of_steps_may_be_taken_under_two_ids() -> None:
    steps = OrderedSteps((Match(("look",)), Match(("buy",))), us("10d"))
    steps.place = 0
    ours: list[Any] = [None]
    theirs: list[Any] = [None]
    steps.record(ours, did("buy", "2d"), us("2d"))
    steps.record(theirs, did("look", "1d"), us("1d"))
    assert steps.began([steps.united(ours[0], theirs[0], us("2d"))]) == us("1d")


@pytest.mark.parametrize(("kept_at", "moved_at", "city"), [("1h", "2h", "moved"), ("2h", "1h", "kept"), ("1h", "1h", "moved")])
def test_of_each_trait_the_latest_value_is_kept_and_at_the_same_time_that_of_the_moved_id(kept_at: str, moved_at: str, city: str) -> None:
    program = program_of("- {id: likes, from: new, to: warm, when: {trait: city, eq: anywhere}}")
    kept, moved = (
        touch(program, None, did("visit", at, who=who, traits={"city": who})).customer
        for who, at in (("kept", kept_at), ("moved", moved_at))
    )
    unite_memories(program, kept, moved)
    assert kept.trait("city", None) == city


@pytest.mark.parametrize(
    "accumulator",
    [
        CountWindow(ANY, us("1d")),
        ValueWindow(PATH, ANY, us("1d")),
        DistinctWindow(PATH, ANY, us("1d")),
        KeysWithin(DayKey(), ANY, us("1d")),
        KeysBetween(ValueKey(PATH), ANY, us("2d"), us("1d")),
        OrderedSteps((ANY, ANY), us("1d")),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_window_that_was_over_when_ids_were_united_begins_anew(accumulator: Accumulator) -> None:
    ours, theirs = entry_of(accumulator, [0, 1], [5, 6]), entry_of(accumulator, [2], [7])
    memory: list[Any] = [accumulator.united(ours, theirs, NOW)]
    accumulator.record(memory, did("a", NOW, v=8), NOW)
    assert memory == [entry_of(accumulator, [NOW], [8])]

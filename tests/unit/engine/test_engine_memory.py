"""A customer's memory: bounded whatever comes, exact for as long as promised, found again by its key."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etapa.contracts.stored.state import encode_state
from etapa.journey.engine.accumulators.aggregating import total_of
from etapa.journey.engine.accumulators.distinct import LONGEST_KNOWN, MOST_KNOWN, place_among, value_digest
from etapa.journey.engine.accumulators.ever import DecayingScore, Latest, Total, Values, exact_sum
from etapa.journey.engine.accumulators.kept_value import LastValue, keepsake
from etapa.journey.engine.accumulators.ordered import OrderedSteps
from etapa.journey.engine.accumulators.quick_searching import quick_search
from etapa.journey.engine.accumulators.window import CountWindow, ValueWindow
from etapa.journey.engine.conditions.count import CountCompares
from etapa.journey.engine.facts.customer import Customer, Memory
from etapa.journey.engine.judging.classify import touch
from etapa.journey.language.model import Comparison, Match, Test, Where
from tests.unit.engine.shops import did, play, program_of, us

VIEW = Match(("view",))
WITHIN = us("64h")
"""A bucket is one hour wide."""
AMOUNT = ("properties", "amount")
alike_below = st.sampled_from([each + more for each in (0, 5, 2**30 - 1) for more in (0, 2**30, 2**60, 2**63, 2**64, -(2**30), -(2**63))])
digests_and_others = st.integers(0, 2**64 - 1) | alike_below


def fed(rules: str, number: int, every: int) -> Customer:
    """A customer of a shop with these rules who did so many different things at regular intervals."""
    program = program_of(rules)
    customer, _ = play(program, did("start", 0))
    for place in range(number):
        touch(program, customer, did("view", (place + 1) * every, amount=place % 100, sku=f"sku-{place}", tags=["x" * 50] * 500))
    return customer


def test_windows_are_exact_up_to_256() -> None:
    window = CountWindow(VIEW, WITHIN)
    memory: Memory = [None]
    for at in range(256):
        window.record(memory, did("view", at), at)
    assert memory[0] == list(range(256))


def test_a_window_has_no_buckets_any_more_once_the_last_of_them_has_left() -> None:
    window = CountWindow(VIEW, WITHIN)
    memory: Memory = [None]
    for at in range(300):
        window.record(memory, did("view", at), at)
    times, _, counts, _ = memory[0]
    assert (times, sum(counts)) == (list(range(44, 300)), 44)
    window.record(memory, did("view", WITHIN + 50), WITHIN + 50)
    assert memory[0] == [*range(51, 300), WITHIN + 50]


def test_a_count_stays_exact_as_long_as_what_is_merged_came_at_few_times() -> None:
    """A hundred imports of a thousand touchpoints with the same time."""
    window = CountWindow(VIEW, WITHIN)
    memory: Memory = [None]
    for place in range(100_000):
        at = place // 1_000 * us("30m")
        window.record(memory, did("view", at), at)
    leaf = CountCompares("text", window, Comparison((Test("gte", 1),)))
    customer, _ = play(program_of("- {id: never, from: new, to: hot, when: {event: never}}"), did("start", 0))
    customer.memory = memory
    for hour in (50, 64, 80, 100):
        assert leaf.exact(customer, us(f"{hour}h"))
        assert leaf.observed(customer, us(f"{hour}h"), None) == sum(1_000 for each in range(100) if each / 2 > hour - 64)


@pytest.mark.parametrize("late", [False, True])
def test_past_256_a_count_is_off_by_at_most_one_bucket(late: bool) -> None:
    rule = "- {id: many, from: new, to: hot, when: {all: [{event: ad}, {count: view, within: 64h, gte: 0.5}]}}"
    program = program_of(rule)
    every = us("4m")
    customer, _ = play(program, did("start", 0))
    times = [place * every for place in range(1, 2_001)]
    # Every second touchpoint arrives ten places late.
    came = [times[max(0, place - 10)] + 1 if late and place % 2 else at for place, at in enumerate(times)]
    for at in came:
        touch(program, customer, did("view", at))
    (change,) = touch(program, customer, did("ad", times[-1])).changes
    observed = change.because[1].observed
    assert isinstance(observed, int)
    assert 0 <= observed - sum(at > times[-1] - us("64h") for at in came) <= 15
    assert len(encode_state(customer)) < 4_000


def test_sums_past_256_count_a_bucket_until_its_latest_has_left() -> None:
    window = ValueWindow(AMOUNT, VIEW, WITHIN)
    memory: Memory = [None]
    for place in range(300):
        at = place * us("10m")
        window.record(memory, did("view", at, amount=2), at)
    _, values, times, buckets = memory[0]
    assert isinstance(values, list)
    assert isinstance(buckets, list)
    assert len(values) == 256
    assert sum(number for number, _, _, _ in buckets) == 44
    assert buckets[0] == [6, 12.0, 2, 2]
    assert times == [place * us("10m") for place in (5, 11, 17, 23, 29, 35, 41, 43)]


def test_what_left_the_window_is_forgotten() -> None:
    window = ValueWindow(AMOUNT, VIEW, WITHIN)
    memory: Memory = [None]
    for at in (0, 5, WITHIN + 5):
        window.record(memory, did("view", at, amount=1), at)
    assert memory[0] == [[WITHIN + 5], [1], [], []]
    window.record(memory, did("view", 5, amount=1), WITHIN + 5)
    assert memory[0] == [[WITHIN + 5], [1], [], []], "what comes too late was never in it"


@pytest.mark.parametrize(
    "condition",
    [
        "count: view, within: 10000d, gte: 99999",
        "sum: properties.amount, of: view, gte: 99999999",
        "sum: properties.amount, of: view, within: 10000d, gte: 99999999",
        "distinct: properties.sku, of: view, gte: 99999",
        "distinct: properties.sku, of: view, within: 10000d, gte: 99999",
        "last: properties.tags, of: view, contains: y",
        "score: {view: 2}, half_life: 900d, gte: 99999",
        "sequence: [{event: view}, {event: pay}], within: 10000d",
    ],
)
def test_memory_is_bounded(condition: str) -> None:
    customer = fed(f"- {{id: rule, from: new, to: hot, when: {{all: [{{event: ad}}, {{{condition}}}]}}}}", 1_500, us("1h"))
    assert len(encode_state(customer)) < 6_000


@pytest.mark.parametrize(
    "condition",
    [
        "count: view, within: 2d, gte: 9",
        "sum: properties.amount, of: view, within: 2d, gte: 999",
        "distinct: properties.sku, of: view, within: 2d, gte: 9",
        "sequence: [{event: view}, {event: pay}], within: 2d",
    ],
)
def test_what_is_over_is_forgotten_when_the_customer_moves(condition: str) -> None:
    program = program_of(
        f"""
        - {{id: moves, from: new, to: warm, when: {{event: ad}}}}
        - {{id: asks, from: warm, to: hot, when: {{{condition}}}}}
        """
    )
    customer, _ = play(program, did("view", 0, amount=1, sku="a"))
    assert len(customer.remembered()) == 1
    touch(program, customer, did("ad", "1d"))
    assert len(customer.remembered()) == 1, "not over yet"
    customer, _ = play(program, did("view", 0, amount=1, sku="a"))
    touch(program, customer, did("ad", "3d"))
    assert customer.remembered() == {}


def test_different_values_are_exact_up_to_256_and_estimated_past_that() -> None:
    rules = "- {{id: rule, from: new, to: hot, when: {{all: [{{event: ad}}, {{distinct: properties.sku, of: view, {}gte: 1}}]}}}}"
    for within in ("", "within: 10000d, "):
        for number, most_off in ((256, 0), (1_500, 300)):
            program = program_of(rules.format(within))
            (change,) = touch(program, fed(rules.format(within), number, us("1h")), did("ad", "5000d")).changes
            observed = change.because[1].observed
            assert isinstance(observed, int)
            assert abs(observed - number) <= most_off


def test_a_long_sequence_is_found_however_much_lies_between() -> None:
    steps = OrderedSteps((Match(("cart",)), VIEW, Match(("pay",))), us("900d"))
    memory: Memory = [None]
    for at in range(1_000):
        steps.record(memory, did("cart" if at == 0 else "view", at), at)
    assert steps.began(memory) < -(2**60)
    steps.record(memory, did("pay", 5_000), 5_000)
    assert steps.began(memory) == 0


def test_sums_too_large_for_a_float_are_infinite_and_stay_so() -> None:
    assert exact_sum([1e308, 1e308, -1e308]) == 1e308
    assert exact_sum([-1e308] * 3) == -math.inf
    assert exact_sum([math.inf, 1e308, 1e308]) == exact_sum([1e308, 1e308, math.inf]) == math.inf
    assert (exact_sum([math.inf, 5, -math.inf]), exact_sum([-math.inf, 1e308, 1e308, math.inf])) == (math.inf, -math.inf)
    # Oldest first: what is kept for ever, then merged values, then single ones.
    assert total_of([2, 1e308, 1e308, math.inf], [-1e308, -1e308], [[2, -math.inf, -1e308, -1e308]]) == math.inf
    assert total_of(None, [1e308, 1e308], [[2, -math.inf, -1e308, -1e308], [2, math.inf, 1e308, 1e308]]) == -math.inf
    values = Values(AMOUNT, VIEW)
    memory: Memory = [None]
    for amount in (1e308, 1e308, -1e308, 5):
        values.record(memory, did("view", 0, amount=amount), 0)
    assert memory[0] == [4, -1e308, 1e308, math.inf]


def test_numbers_that_cannot_be_stored_are_none() -> None:
    values = Values(AMOUNT, VIEW)
    memory: Memory = [None]
    for amount in (2**70, math.inf, math.nan, True):
        values.record(memory, did("view", 0, amount=amount), 0)
    assert memory == [None]


def test_remembered_values_are_cut_to_size() -> None:
    assert keepsake("x" * 5_000) == "x" * 1_024
    assert keepsake({"a": 1}) == {}
    assert keepsake([1, "a", None, {"b": 2}, *range(100)]) == [1, "a", None, *range(60)]
    assert keepsake(2**70) == math.inf
    assert keepsake(False) is False


def test_a_key_says_what_is_remembered_and_nothing_else() -> None:
    """These texts are in stored states. If one changes, every customer forgets, so the state format must be raised."""
    where = Where(((("channel",), Comparison((Test("eq", "web"), Test("ne", 1)))), (AMOUNT, Comparison((Test("gt", 1),)))))
    turned = Where(((AMOUNT, Comparison((Test("gt", 1),))), (("channel",), Comparison((Test("ne", 1), Test("eq", "web"))))))
    assert Total(Match(("view",), where)).key == Total(Match(("view",), turned)).key
    assert Total(VIEW).key != Total(Match(("view",), where)).key
    one, true = (Where(((AMOUNT, Comparison((Test("eq", operand),))),)) for operand in (1, True))
    assert Total(Match(("view",), one)).key != Total(Match(("view",), true)).key
    assert [
        Total(VIEW).key,
        Latest(VIEW).key,
        CountWindow(VIEW, 5).key,
        LastValue(AMOUNT, VIEW).key,
        Values(AMOUNT, VIEW).key,
        ValueWindow(AMOUNT, VIEW, 5).key,
        OrderedSteps((VIEW, VIEW), 5).key,
        DecayingScore((("view", 1.0),), 5).key,
        Latest(Match(("view",), where)).key,
    ] == [
        "EQKxtz",
        "blLTRe",
        "cNyvEa",
        "lIFO4Z",
        "1eJ827",
        "8cJgvw",
        "oftF5h",
        "wXeo0E",
        "Vh1awZ",
    ]


def test_conditions_that_need_the_same_memory_share_it() -> None:
    program = program_of(
        """
        - {id: a, from: new, to: warm, when: {all: [{absent: view, for: 9d}, {count: view, within: 30d, gte: 1}]}}
        - {id: b, from: warm, to: hot, when: {all: [{absent: view, for: 5d}, {count: [view], within: 30d, lt: 9}]}}
        - {id: c, from: hot, to: new, when: {all: [{sum: properties.a, of: view, gte: 1}, {max: properties.a, of: view, lt: 9}]}}
        """
    )
    assert len(program.accumulators) == 3


def test_the_digest_of_a_text_is_the_same_whenever_it_is_asked_for() -> None:
    texts = [f"sku-{number}" for number in range(2 * MOST_KNOWN)] + ["x" * LONGEST_KNOWN, "x" * (LONGEST_KNOWN + 1)]
    first = [value_digest(text) for text in texts]
    assert [value_digest(text) for text in texts] == first
    assert len(set(first)) == len(texts)
    # A list of one text is worked out each time, and differs from the text.
    assert value_digest(["sku-1"]) != value_digest("sku-1")


def test_digests_are_the_same_in_every_version() -> None:
    assert value_digest("sku-1") == 16964913070234072918
    assert value_digest(1) == value_digest(1.0) == 17797172410793473910
    assert value_digest(True) == 17683794913757820479
    assert value_digest("1") == 2111772349312940339


@given(st.lists(digests_and_others, max_size=12), digests_and_others)
def test_the_place_is_that_of_the_first_equal_number(digests: list[int], digest: int) -> None:
    place = digests.index(digest) if digest in digests else -1
    assert place_among(list(digests), digest) == place
    # Equal, but not the same object.
    assert place_among([each + 0 for each in digests], digest - 1 + 1) == place


@given(st.lists(digests_and_others, min_size=1, max_size=12), st.data())
def test_one_that_is_there_is_found(digests: list[int], data: st.DataObject) -> None:
    digest = data.draw(st.sampled_from(digests))
    assert place_among(digests, int(str(digest))) == digests.index(digest)


def test_what_is_no_whole_number_is_compared_as_python_does() -> None:
    odd: list[Any] = ["5", None, 5.0, True]
    assert [place_among(odd, digest) for digest in (5, 1, 7)] == [2, 3, -1]


@pytest.mark.skipif(quick_search is None, reason="there is no quick way where it is not compiled")
def test_only_a_list_is_searched() -> None:
    assert quick_search is not None
    with pytest.raises(TypeError, match="takes a list"):
        quick_search((1, 2), 1)  # type: ignore[arg-type]

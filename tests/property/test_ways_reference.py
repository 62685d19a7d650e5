"""Conformance kept move by move, compared with trying every way of repairing a customer's path."""

import itertools
import random
from collections.abc import Sequence

import pytest

from etapa.journey.map.ways import Ways

STAGES = ("a", "b", "c", "d", "x")
IDEAL = ("a", "b", "c", "d")
LOGS = 1_000


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """The longest common subsequence, by trying all of `one`."""
    for length in range(len(one), 0, -1):
        for places in itertools.combinations(range(len(one)), length):
            rest = iter(other)
            if all(one[place] in rest for place in places):
                return length
    return 0


def _fewest_repairs(way: Sequence[str]) -> int:
    return min(len(way) + end - 2 * _common(way, IDEAL[:end]) for end in range(len(IDEAL) + 1))


@pytest.mark.parametrize("tenth", range(10))
def test_conformance_equals_trying_everything(tenth: int) -> None:
    for seed in range(tenth * LOGS // 10, (tenth + 1) * LOGS // 10):
        chance = random.Random(seed)
        ways = Ways(IDEAL, STAGES)
        logs: dict[str, list[str]] = {}
        for _ in range(chance.randint(1, 30)):
            customer = f"c{chance.randint(1, 5)}"
            log = logs.setdefault(customer, [])
            if len(log) < 8:
                source = log[-1] if log else None
                log.append(chance.choice([stage for stage in STAGES if stage != source][: 5 if source else 4]))
                ways.moved(customer, source, log[-1], len(log), "rule", None)
        figures = ways.figures()
        repairs = {customer: _fewest_repairs(log) for customer, log in logs.items()}
        assert figures.customers == len(logs)
        assert figures.on_way == sum(not each for each in repairs.values())
        expected = sum(1 - repairs[customer] / len(log) for customer, log in logs.items()) / len(logs)
        assert figures.conformance == pytest.approx(expected, abs=1e-12)
        assert figures.reached == {stage: sum(stage in log for log in logs.values()) for stage in STAGES}

"""How often `etapa uplift` is right: made-up campaigns whose effect is known, looked at after every outcome.

    python -m bench.uplift_trials [--campaigns 10000]

An outcome of the rarer group changes little beside one of the other, so both come in the proportion of the holdout group. Whether a
campaign is ever called is found exactly, without working out the interval at every look: the verdict can only turn where the sums stray.
"""

import argparse
import math
import sys
from collections.abc import Iterator
from random import Random

from etapa.uplift.boundary import boundary
from etapa.uplift.difference import ALPHA, difference
from etapa.uplift.groups import GroupOutcomes
from etapa.uplift.sample_ratio import ALPHA as RATIO_ALPHA
from etapa.uplift.sample_ratio import probability

RATE = 0.20
EFFECT = 0.02
HOLDOUT = 0.5
LEAST_FOUND = 0.8
"""The share of campaigns with an effect that must be found: the power of the fixed test."""
_GRID = 1.02
"""The bound is worked out at sizes that lie so far apart, and taken as the smaller one in between: more is called than in truth."""


class _Bounds:
    """The bound on the sum, by how many differences there are; rounded down, so that nothing that would be called is missed."""

    def __init__(self) -> None:
        self._known: dict[int, float] = {}

    def below(self, number: float) -> float:
        place = math.floor(math.log(number, _GRID))
        if place not in self._known:
            self._known[place] = boundary(_GRID**place, ALPHA)
        return self._known[place]


_bounds = _Bounds()


def _is_called(sent: GroupOutcomes, control: GroupOutcomes) -> bool:
    """Whether the report calls the campaign better or worse now."""
    one, other = sent.rate, control.rate
    if one is None or other is None:
        return False
    a, b = sent.number + 2, control.number + 2
    p, q = (sent.met + 1) / a, (control.met + 1) / b
    both = (sent.met + control.met + 2) / (a + b)
    error = p * (1 - p) / (a - 1) + q * (1 - q) / (b - 1)
    spread = both * (1 - both)
    number = spread / error
    if abs(one - other) / math.sqrt(spread) * number < 0.98 * _bounds.below(number):
        return False
    found = difference(sent.as_rates(), control.as_rates(), one - other)
    return found is not None and found.verdict != "undecided"


def _looks(random: Random, outcomes: int, rate: float, effect: float, holdout: float) -> Iterator[tuple[GroupOutcomes, GroupOutcomes]]:
    """The two groups after each outcome."""
    numbers, met = [0, 0], [0, 0]
    for _ in range(outcomes):
        group = random.random() < holdout
        numbers[group] += 1
        met[group] += random.random() < (rate if group else rate + effect)
        yield GroupOutcomes(numbers[0], met[0]), GroupOutcomes(numbers[1], met[1])


def null_campaigns(seed: int, campaigns: int, outcomes: int, holdout: float = HOLDOUT) -> int:
    """How many of so many campaigns without effect are ever called better or worse within so many outcomes."""
    random = Random(seed)
    return sum(any(_is_called(*look) for look in _looks(random, outcomes, RATE, 0.0, holdout)) for _ in range(campaigns))


def fixed_sample(effect: float = EFFECT, rate: float = RATE) -> int:
    """Outcomes of both groups together that a test with one look at the end needs for a power of 80 % at 5 %, two-sided."""
    each = (1.959964 + 0.841621) ** 2 * (rate * (1 - rate) + (rate + effect) * (1 - rate - effect)) / effect**2
    return math.ceil(2 * each)


def planted_effects(seed: int, campaigns: int, most: float) -> int:
    """How many campaigns with an effect of `EFFECT` are found within `most` times the sample of the fixed test."""
    random = Random(seed)
    outcomes = math.floor(most * fixed_sample())
    return sum(any(_is_called(*look) for look in _looks(random, outcomes, RATE, EFFECT, HOLDOUT)) for _ in range(campaigns))


def alarms(seed: int, campaigns: int, offers: int, holdout: float, drawn: float, every: int = 1_000) -> int:
    """For how many campaigns the sizes of the groups ever sound the alarm, looked at every so many offers."""
    random = Random(seed)
    called = 0
    for _ in range(campaigns):
        held_out = 0
        for taken in range(every, offers + 1, every):
            held_out += sum(random.random() < drawn for _ in range(every))
            if probability(taken - held_out, held_out, holdout) < RATIO_ALPHA:
                called += 1
                break
    return called


def main() -> int:
    """Exit code 1 if `etapa uplift` is wrong more often than it promises, or finds less than it should."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--campaigns", type=int, default=10_000)
    arguments.add_argument("--outcomes", type=int, default=10_000)
    given = arguments.parse_args()
    many, some = given.campaigns, max(1, given.campaigns // 10)
    few = max(1, some // 10)
    kept = []
    for holdout in (0.5, 0.1):
        called = null_campaigns(1, many, given.outcomes, holdout)
        kept.append(called <= ALPHA * many)
        print(
            f"without effect, holdout {holdout:.0%}: {called} of {many} ever called within {given.outcomes} outcomes ({called / many:.2%})"
        )
    found = planted_effects(2, some, 1.5)
    kept.append(found >= LEAST_FOUND * some)
    print(f"+2 points on 20 %: {found} of {some} found within 1.5 times the {fixed_sample()} outcomes of a fixed test ({found / some:.1%})")
    for planted, drawn in (("as intended", 0.10), ("one point off", 0.11)):
        called = alarms(3, few, 100_000, 0.10, drawn)
        kept.append(called <= max(1, RATIO_ALPHA * few) if planted == "as intended" else called == few)
        print(f"holdout group {planted}: the alarm sounded for {called} of {few} within 100,000 offers")
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())

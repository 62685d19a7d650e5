"""The stages that stand out: where customers stay too long, are lost, or feel worse than elsewhere, and the opposites."""

from collections.abc import Iterator, Sequence
from math import log2, sqrt
from typing import Final

from etapa.journey.map.document import Extreme, Flow, MapStageColumn, Measure, Side

SHOWN: Final = 3
"""Most extremes of each side."""
FEWEST: Final = 20
"""Fewest moves or answers for judging a stage."""
_LEAST: Final = {"stay": log2(1.25), "drop_off": 0.1, "feeling": 0.05}
"""Smaller differences do not stand out: a quarter longer, ten percentage points, a twentieth of the scale."""

_Found = tuple[float, Extreme]


def extremes_of(stages: Sequence[MapStageColumn], flows: Sequence[Flow]) -> Sequence[Extreme]:
    """The worst stages, worst first, then the best ones."""
    found = [*_stays(stages), *_losses(stages, flows), *_feelings(stages)]
    worst = sorted((each for each in found if each[0] > 0), key=lambda each: -each[0])
    best = sorted((each for each in found if each[0] < 0), key=lambda each: each[0])
    return [each for _, each in (*worst[:SHOWN], *best[:SHOWN])]


def _stays(stages: Sequence[MapStageColumn]) -> Iterator[_Found]:
    """Stays compared with the promise; without one, nobody knows how long is too long."""
    for stage in stages:
        stay = stage.stay
        if stay.count >= FEWEST and stay.median_seconds is not None and stay.promised_seconds:
            yield from _told(
                "stay", stage.id, log2(max(stay.median_seconds, 1) / stay.promised_seconds), stay.median_seconds, stay.promised_seconds
            )


def _losses(stages: Sequence[MapStageColumn], flows: Sequence[Flow]) -> Iterator[_Found]:
    """The share of moves out of a stage of the ideal way that lead back or aside, compared with all other stages together."""
    out = {stage.id: [flow for flow in flows if flow.source == stage.id] for stage in stages if stage.onward is not None}
    # If no rule leads back or aside, no customer can be lost, which says nothing about the stage.
    out = {stage: each for stage, each in out.items() if any(flow.kind in ("back", "aside") for flow in each)}
    lost = {stage: sum(flow.count for flow in each if flow.kind in ("back", "aside")) for stage, each in out.items()}
    left = {stage: sum(flow.count for flow in each) for stage, each in out.items()}
    for stage in out:
        others, lost_elsewhere = sum(left.values()) - left[stage], sum(lost.values()) - lost[stage]
        if left[stage] < FEWEST or others < FEWEST:
            continue
        here, elsewhere = lost[stage] / left[stage], lost_elsewhere / others
        together = (lost[stage] + lost_elsewhere) / (left[stage] + others)
        error = sqrt(together * (1 - together) * (1 / left[stage] + 1 / others))
        if abs(here - elsewhere) > 2 * error:
            yield from _told("drop_off", stage, here - elsewhere, here, elsewhere)


def _feelings(stages: Sequence[MapStageColumn]) -> Iterator[_Found]:
    """Stages whose interval does not contain the mean of all others."""
    felt = [(stage.id, stage.feeling) for stage in stages if stage.feeling is not None]
    for stage, feeling in felt:
        others = [each for other, each in felt if other != stage]
        count = sum(each.count for each in others)
        if feeling.count < FEWEST or count < FEWEST or feeling.low is None or feeling.high is None:
            continue
        elsewhere = sum(each.level * each.count for each in others) / count
        if not feeling.low <= elsewhere <= feeling.high:
            yield from _told("feeling", stage, elsewhere - feeling.level, feeling.level, elsewhere)


def _told(measure: Measure, stage: str, score: float, value: float, beside: float) -> Iterator[_Found]:
    """`score`: how bad, in comparable units: a doubled stay is as bad as losing half of all customers or half the feeling scale."""
    if abs(score) < _LEAST[measure]:
        return
    side: Side = "worst" if score > 0 else "best"
    weight = 0.5 if measure == "stay" else 1.0
    yield score * weight, Extreme(side, measure, stage, value, beside, promised=measure == "stay")

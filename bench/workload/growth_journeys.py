"""Journeys that grow: from a few rules to a few hundred, and one kind of window at a time."""

import json
from collections.abc import Sequence
from typing import Any

from bench.workload.touchpoints import TYPES, KeyAndValue
from etapa.contracts.rfc3339 import format_time
from etapa.journey.engine.judging.program import Program, compile_journey
from etapa.journey.language.load import journey_or_raise
from etapa.journey.language.model import Journey
from etapa.journey.units import DAY

STAGES = ("discovery", "consideration", "purchase", "service", "loyalty", "advocacy")
WINDOWS = ("7d", "14d", "30d", "60d", "90d", "180d", "365d")
KINDS = tuple(TYPES)

MOST_RULES = 2_000
SEEN = "product_view"
WINDOW_DAYS = 30
WINDOW_KINDS: dict[str, dict[str, Any]] = {
    "count": {"count": SEEN, "gte": 1_000_000},
    "sum": {"sum": "properties.price", "of": SEEN, "gte": 1e12},
    "distinct": {"distinct": "properties.product", "of": SEEN, "gte": 200},
    "sequence": {"sequence": [{"event": SEEN}, {"event": "purchase"}]},
}
"""Conditions over a window that never hold for what `in_window` makes up, so that all of the window is looked at every time."""


def journey_of(journey: dict[str, Any]) -> Journey:
    """JSON is YAML."""
    return journey_or_raise(json.dumps(journey), "made-up.yaml")


def with_rules(count: int, *, spread: bool, eager: int = MOST_RULES) -> Program:
    """The program of `journey_with_rules`."""
    return compile_journey(journey_with_rules(count, spread=spread, eager=eager))


def journey_with_rules(count: int, *, spread: bool, eager: int = MOST_RULES) -> Journey:
    """So many rules of all kinds, out of all stages in turn, or all of them out of the first.

    As in a real journey, several ask for the same memory with other numbers. Most rarely hold, but of many rules some do: with 200 out of one stage a
    touchpoint causes eleven times as many stage changes as with 20. Rules after the first `eager` ask for so much that they never hold.
    """
    rules = []
    for number in range(count):
        source = number % len(STAGES) if spread else 0
        target = (source + 1 + number // len(STAGES) % (len(STAGES) - 1)) % len(STAGES)
        rules.append({"id": f"rule-{number}", "from": STAGES[source], "to": STAGES[target], "when": _condition(number, number < eager)})
    if not spread:
        # Else everybody would end where no rule leads away from.
        rules.append({"id": "starts-over", "from": list(STAGES[1:]), "to": STAGES[0], "when": {"in_stage": "1d"}})
    return journey_of({"journey": "made-up", "version": 1, "stages": [{"id": stage} for stage in STAGES], "rules": rules})


def _condition(number: int, may_hold: bool) -> dict[str, Any]:  # noqa: FBT001
    kind, within, at_least = KINDS[number * 5 % len(KINDS)], WINDOWS[number % len(WINDOWS)], 3 + number % 7
    at_least *= 1 if may_hold else 20
    often = {"count": kind, "within": within, "gte": 10 * at_least}
    return (
        {"all": [{"event": kind, "where": {"properties.amount": {"gte": 20 * at_least}}}, often]},
        often,
        {"all": [{"absent": kind, "for": within}, {"count": "purchase", "gte": at_least}]},
        {
            "all": [
                {"sum": "properties.amount", "of": "purchase", "within": within, "gte": 1000 * at_least},
                {"not": {"event": "complaint"}},
            ]
        },
        {"all": [{"idle": within}, {"trait": "persona", "eq": "student" if may_hold else f"segment-{number}"}]},
        {"distinct": "properties.product", "of": kind, "within": within, "gte": 5 * at_least},
        {"any": [often, {"all": [{"event": "referral"}, {"last": "properties.rating", "of": "review", "gte": 4 if may_hold else 9}]}]},
        {"score": {kind: 1, "purchase": 5}, "half_life": within, "gte": 40 * at_least},
    )[number % 8]


def with_window(kind: str) -> Program:
    """One rule with a condition of this kind (see `WINDOW_KINDS`) over `WINDOW_DAYS`."""
    rule = {"id": "looks-back", "from": "here", "to": "there", "when": {**WINDOW_KINDS[kind], "within": f"{WINDOW_DAYS}d"}}
    return compile_journey(journey_of({"journey": "window", "version": 1, "stages": [{"id": "here"}, {"id": "there"}], "rules": [rule]}))


def in_window(number: int, count: int, customers: int, start: int) -> Sequence[KeyAndValue]:
    """`count` touchpoints of customers who all have `number` of them in any window."""
    step = WINDOW_DAYS * DAY // (number * customers)
    return [
        KeyAndValue(
            f"c-{place % customers}".encode(),
            json.dumps(
                {
                    "id": f"t-{place}",
                    "customer_id": f"c-{place % customers}",
                    "type": SEEN,
                    "occurred_at": format_time(start + place * step),
                    "properties": {"product": f"sku-{place * 7 % 5000}", "price": place % 200 + 0.99},
                }
            ).encode(),
        )
        for place in range(count)
    ]

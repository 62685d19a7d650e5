"""The journey as a map: its stages, and every move between two of them with its rules."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from prometheus_client import CollectorRegistry

from etapa.journey.language.kinds.describe import describe
from etapa.journey.language.model import Journey

_CHANGES = "etapa_stage_changes_total"


def journey_map(journey: Journey) -> dict[str, Any]:
    """The part of the map that never changes: `stages` in order, and `moves` in the order of the rules.

    A move is a pair of stages with at least one rule between them. It lists those rules, with their conditions in words.
    """
    moves: dict[tuple[str, str], list[dict[str, str]]] = {}
    for rule in journey.rules:
        for source in rule.sources:
            # A pair of equal stages is not a change, and no rule makes one.
            if source != rule.to:
                moves.setdefault((source, rule.to), []).append({"id": rule.id, "when": describe(rule.when)})
    return {
        "journey": journey.id,
        "version": journey.version,
        "initial": journey.initial,
        "stages": [{"id": stage.id, "phase": stage.phase, "label": dict(stage.label)} for stage in journey.stages],
        "moves": [{"from": source, "to": to, "rules": rules} for (source, to), rules in moves.items()],
    }


def changes_by_move(registry: CollectorRegistry) -> Mapping[tuple[str, str], int]:
    """How often this process has published each move since it started, from its metrics. For new customers `from` is empty."""
    counted: Counter[tuple[str, str]] = Counter()
    for metric in registry.restricted_registry([_CHANGES]).collect():
        for sample in metric.samples:
            if sample.name == _CHANGES:
                counted[sample.labels["from"], sample.labels["to"]] += int(sample.value)
    return counted
